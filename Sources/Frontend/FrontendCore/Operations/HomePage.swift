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

    /// The page's own policy: its inline style, the one script, pictures of this service, and questions to it.
    static let contentSecurityPolicy =
        "default-src 'none'; style-src 'unsafe-inline'; script-src \(HomePage.script.source); connect-src 'self'; "
        + "img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// What is typed becomes a path of this service; what comes back is shown as a picture or as text, never as markup.
    private static let script = InlineScript(
        text: """

            const form = document.forms[0], shown = document.getElementById("shown"), said = document.getElementById("said");
            const link = document.getElementById("link");
            let asked = 0;
            const size = n => n < 1000 ? n + " bytes" : n < 1e6 ? (n / 1e3).toFixed(1) + " kB" : (n / 1e6).toFixed(1) + " MB";
            form.hidden = false;
            form.addEventListener("submit", async event => {
              event.preventDefault();
              const turn = ++asked, begun = performance.now();
              const options = form.elements.options.value.trim(), remote = form.elements.url.value.trim();
              const path = form.dataset.prefix + (options && "/" + options) + "/" + remote.replace(/#.*/s, "");
              link.textContent = path; link.href = location.origin + path;
              said.textContent = "…"; said.className = "";
              if (shown.src) URL.revokeObjectURL(shown.src);
              shown.removeAttribute("src");
              function say(text, isBad) { if (turn === asked) { said.textContent = text; said.className = isBad ? "bad" : ""; } }
              try {
                // An absolute address: a path that begins with two slashes would lead to another host.
                const answer = await fetch(location.origin + path, { redirect: "error" });
                const body = await answer.blob(), took = Math.round(performance.now() - begun);
                if (!answer.ok) return say(answer.status + ": " + (await body.text()).slice(0, 500), true);
                if (turn !== asked) return;
                const why = answer.headers.get("X-Imageproxy-Error");
                shown.onload = () => say(shown.naturalWidth + " × " + shown.naturalHeight + " pixels, " + size(body.size) + ", "
                  + body.type + ", " + took + " ms" + (why ? "; not transformed: " + why : ""), why);
                shown.onerror = () => say("the answer is no picture that this browser can show: " + body.type, true);
                shown.src = URL.createObjectURL(body);
              } catch (error) { say("no answer: " + error.message, true); }
            });

            """)

    /// A picture that anybody may fetch, where there is no sample.
    private static let publicPicture = "https://www.debian.org/Pics/debian-logo-1024x576.png"

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
            form { display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; margin: 1rem 0 .4rem; }
            form[hidden] { display: none; }
            label { display: block; font-size: .85rem; color: var(--soft); flex: 1 1 9rem; } label.wide { flex: 6 1 20rem; }
            input, button { font: inherit; box-sizing: border-box; padding: .4rem .6rem; border: 1px solid var(--line);
              border-radius: .4rem; }
            input { display: block; width: 100%; background: Field; color: FieldText; } button { flex: none; cursor: pointer; }
            #link { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
            #said { color: var(--soft); margin: .2rem 0; overflow-wrap: anywhere; } #said.bad { color: #d33; }
            #shown { display: block; max-width: 100%; } #shown:not([src]) { display: none; }
            </style>
            </head>
            <body>
            <h1>imageproxy</h1>
            <p>The service is running. Put options and the address of a picture into a path:</p>
            <pre>/{options}/{remote_url}

            /500x/https://example.com/photo.jpg</pre>
            <form hidden data-prefix="\(prefix.text)">
            <label>options <input name="options" value="500x" spellcheck="false" autocapitalize="off"></label>
            <label class="wide">address of a picture <input name="url" required spellcheck="false" autocapitalize="off"
            value="\(hasSample ? remote : Self.publicPicture)"></label>
            <button>Show</button>
            </form>
            <a id="link"></a><p id="said" role="status"></p><img id="shown" alt="the picture that was asked for">
            \(hasSample ? "<p>Each picture below is made from <a href=\"\(SamplePhoto.path)\">one photograph</a>; "
                + "the line under it is its options.</p>\n<main>\n\(figures)\n</main>" : noSample)
            \(Self.script.element)
            </body>
            </html>
            """
    }
}
