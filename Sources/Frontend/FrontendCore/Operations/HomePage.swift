// SPDX-License-Identifier: Apache-2.0

/// The start page for somebody who opens the service in a browser: what it does, shown on the sample photograph.
/// Programs that ask for `/` get `OK`, as from the original.
enum HomePage {
    /// Whether a client would rather have a page than `OK`: it names `text/html` among what it accepts.
    static func isWanted(accept: String?) -> Bool {
        guard let accept else { return false }
        return accept.split(separator: ",").contains { item in
            let parts = item.split(separator: ";").map { String($0).trimmed.lowercased() }
            return parts.first == "text/html" && !parts.dropFirst().contains { $0 == "q=0" || $0 == "q=0.0" }
        }
    }

    /// The page's own policy: nothing but its inline style and pictures of this service.
    static let contentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'"

    private static let samples: [(options: String, meaning: String)] = [
        ("200x", "200 pixels wide"),
        ("x0.05", "5 % of the height"),
        ("200", "200 × 200, cropped to fill"),
        ("200x150", "200 × 150, cropped to fill"),
        ("150,fit", "scaled to fit 150 × 150, no cropping"),
        ("200,r90", "200 × 200, turned a quarter to the left"),
        ("200x,r180", "200 wide, upside down"),
        ("200x,fh", "200 wide, mirrored left to right"),
        ("200x,fv", "200 wide, mirrored top to bottom"),
        ("200x,q30", "200 wide, JPEG quality 30"),
        ("cx2100,cy900,cw1400,ch1400,200x", "a square cut out around the bird, then 200 wide"),
        ("200x,png", "200 wide, as PNG"),
    ]

    static func html(hasSample: Bool, prefix: PathPrefix) -> String {
        let remote = SamplePhoto.remoteURL
        let figures = Self.samples.map { sample in
            let path = "\(prefix.text)/\(sample.options)/\(remote)"
            return """
                <figure><a href="\(path)"><img src="\(path)" alt="the sample photograph, \(sample.meaning)"></a>
                <figcaption><code>\(sample.options)</code>\(sample.meaning)</figcaption></figure>
                """
        }.joined(separator: "\n")
        let noSample = """
            <p>There is no sample photograph: start the service with <code>-samplePhoto file.jpg</code>, or with
            <code>scripts/run</code>, to see the transformations here.</p>
            """
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>imageproxy</title>
            <style>
            :root { color-scheme: light dark; --line: #8884; --soft: #888; }
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
            h1 { margin: 0; font-size: 1.8rem; }
            h1 + p { margin-top: .25rem; }
            code { font: .9em ui-monospace, monospace; }
            pre { padding: .8rem 1rem; border: 1px solid var(--line); border-radius: .5rem; overflow-x: auto; }
            main { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
            figure { margin: 0; border: 1px solid var(--line); border-radius: .5rem; overflow: hidden;
              display: flex; flex-direction: column; }
            figure a { flex: 1; min-height: 13rem; display: grid; place-items: center; padding: .5rem; }
            figure img { max-width: 100%; display: block; }
            figcaption { padding: .6rem .8rem; border-top: 1px solid var(--line); font-size: .85rem; color: var(--soft); }
            figcaption code { display: block; color: CanvasText; overflow-wrap: anywhere; }
            </style>
            </head>
            <body>
            <h1>imageproxy</h1>
            <p>The service is running. Put options and the address of a picture into a path:</p>
            <pre>/{options}/{remote_url}

            /500x/https://example.com/photo.jpg</pre>
            \(hasSample ? "<p>Each picture below is made from <a href=\"\(SamplePhoto.path)\">one photograph</a>; "
                + "the line under it is its options.</p>\n<main>\n\(figures)\n</main>" : noSample)
            </body>
            </html>
            """
    }
}
