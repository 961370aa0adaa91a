// SPDX-License-Identifier: Apache-2.0

/// `/status` for somebody who opens it in a browser: the same figures, drawn anew every two seconds.
enum StatusPage {
    /// Nothing but what is on the page, and its questions to this listener.
    static let contentSecurityPolicy =
        "default-src 'none'; style-src 'unsafe-inline'; script-src \(StatusPage.script.source); connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static let script = InlineScript(
        text: """

            const element = id => document.getElementById(id);
            const number = value => value >= 100 ? Math.round(value).toString() : (Math.round(value * 10) / 10).toString();
            const percent = (part, all) => all > 0 ? number(100 * part / all) + "\\u00A0%" : "–";
            const time = s => s == null ? "–" : s < 0.00095 ? Math.round(s * 1e6) + " µs"
              : s < 0.9995 ? number(s * 1e3) + " ms" : number(s) + " s";
            const bytes = b => { let u = 0; while (b >= 1000 && u < 4) { b /= 1000; u++; }
              return number(b) + " " + ["B", "kB", "MB", "GB", "TB"][u]; };
            const span = s => s < 120 ? Math.round(s) + " s" : s < 7200 ? Math.floor(s / 60) + " min"
              : s < 172800 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " days";
            const sum = object => Object.values(object).reduce((a, b) => a + b, 0);
            const hits = o => o.hit + o.stale + o.revalidated;
            function table(id, rows) {
              element(id).replaceChildren(...rows.map((row, index) => {
                const tr = document.createElement("tr");
                tr.append(...row.map(text => { const cell = document.createElement(index ? "td" : "th");
                  cell.textContent = text; return cell; }));
                return tr; }));
            }
            function tiles(list) {
              element("tiles").replaceChildren(...list.map(([name, value, note]) => {
                const div = document.createElement("div"), b = document.createElement("b"), s = document.createElement("small");
                b.textContent = value; s.textContent = note ? name + " · " + note : name; div.append(b, s); return div; }));
            }
            function draw(s) {
              const m = s.lastMinute, t = s.sinceStart, w = s.workers, rate = n => number(n / m.seconds) + "/s";
              element("version").textContent = s.version + " · pid " + s.pid + " · " + s.address;
              element("state").textContent = s.ready ? "ready" : "not ready: " + s.notReadyBecause;
              element("state").className = s.ready ? "good" : "bad";
              document.title = s.ready ? "imageproxy" : "imageproxy: not ready";
              element("since").textContent = "up " + span(s.uptimeSeconds);
              tiles([
                ["requests", rate(sum(m.outcomes)), s.requestsInFlight + " in flight"],
                ["hit ratio", percent(hits(m.outcomes), sum(m.outcomes) - m.outcomes.error),
                  "since start " + percent(hits(t.outcomes), sum(t.outcomes) - t.outcomes.error)],
                ["to clients", bytes(m.clientBytes / m.seconds) + "/s", "from origins " + bytes(m.originBytes / m.seconds) + "/s"],
                ["workers busy", w.busy + (w.running == null ? "" : " of " + w.running), number(w.busyOnAverage) + " on average"],
                ["jobs wait", String(w.queued), "at most " + w.queueLimit],
                ["connections", String(s.connections), ""],
                ["memory of the front", bytes(s.process.residentBytes), s.process.openDescriptors + " descriptors"],
              ]);
              element("advice").textContent = w.advice + (w.sandbox ? ". Sandbox: " + w.sandbox : "");
              table("stages", [["stage", "per second", "p50", "p99"]].concat(Object.entries(m.stages).map(
                ([name, h]) => [name, number(h.count / m.seconds), time(h.p50), time(h.p99)])));
              table("outcomes", [["outcome", "last minute", "since start"]].concat(Object.entries(t.outcomes).map(
                ([name, count]) => [name, rate(m.outcomes[name]), String(count)])).concat(Object.entries(t.errors).map(
                ([name, count]) => ["error: " + name, rate(m.errors[name] || 0), String(count)])));
              table("places", [["", "per second", "found"]].concat(Object.entries(m.lookups).map(
                ([name, l]) => [name, rate(l.hits + l.misses), percent(l.hits, l.hits + l.misses)])).concat(
            Object.entries(s.caches).filter(([, c]) => !c.canRead || !c.canWrite).map(([name, c]) => [name, "left alone for",
              [c.canRead ? [] : "reading", c.canWrite ? [] : "writing"].flat().join(" and ")])).concat(
                Object.entries(m.fetches).map(([name, count]) => ["origins: " + name, rate(count), ""])));
            }
            async function look() {
              try { draw(await (await fetch(location.pathname, { headers: { Accept: "application/json" } })).json()); }
              catch { element("state").textContent = "no answer"; element("state").className = "bad"; }
              setTimeout(look, 2000);
            }
            look();

            """)

    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>imageproxy</title>
        <style>
        :root { color-scheme: light dark; --line: #8884; --soft: #888; --good: #2a9d4a; --bad: #d33; }
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
        h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
        #state { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); }
        main { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .8rem; margin-top: 1rem; }
        main div { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
        main b { display: block; font-size: 1.4rem; font-variant-numeric: tabular-nums; } small { color: var(--soft); }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        td, th { text-align: right; padding: .2rem .5rem; border-bottom: 1px solid var(--line); }
        th { color: var(--soft); font-weight: normal; } td:first-child, th:first-child { text-align: left; }
        </style>
        </head>
        <body>
        <h1>imageproxy <small id="version"></small></h1>
        <p><span id="state">…</span> <small id="since"></small></p>
        <main id="tiles"></main>
        <p id="advice"></p>
        <h2>Stages, last minute</h2><table id="stages"></table>
        <h2>Requests</h2><table id="outcomes"></table>
        <h2>Caches and origins, last minute</h2><table id="places"></table>
        \(StatusPage.script.element)
        </body>
        </html>
        """
}
