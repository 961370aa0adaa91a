# SPDX-License-Identifier: Apache-2.0
"""Keys and passwords stay where they are: in no log, no error, no page, no other process, and no core dump."""

import base64
import os
import resource
import signal
import subprocess
import time

import client
import pictures
import processes
from front import LOCAL, run_program
from origin import answer

KEY, CACHE_SECRET, REDIS, USERINFO = "k3y-of-links", "s3cret-of-caches", "p4ssword-of-redis", "p4ssword-of-origins"
SECRETS = (KEY, CACHE_SECRET, REDIS, USERINFO)


def assert_no_secret(text, where):
    for secret in SECRETS:
        assert secret not in text, f"{secret} in {where}: {text[max(0, text.index(secret) - 200):][:400]}"


def test_no_secret_is_told(start, origin, tmp_path):
    key, settings = tmp_path / "key", tmp_path / "settings"
    key.write_text(KEY)
    # Nobody listens there: every request has something to say about it.
    settings.write_text(
        f"cache memory\ncache redis://:{REDIS}@127.0.0.1:2\ncacheSecret {CACHE_SECRET}\nsignatureKey @{key}\n"
        f"allowHosts 127.0.0.1,*.invalid\nverbose\nallowPrivateNetworks\n")
    front = start("-workers", "1", "-adminAddr", f"unix:{tmp_path}/admin", "-config", str(settings))
    own = f"user:{USERINFO}@"
    host = f"{own}{origin.host}"
    origin.serve("/a.jpg", pictures.flat(20, 20))
    origin.serve("/away", lambda _: answer(b"", 302, headers={"Location": f"ftp://{host}/"}))
    origin.serve("/here", lambda _: answer(b"", 302, headers={"Location": f"http://{host}/a.jpg"}))
    for name, reply in {"broken.jpg": answer(pictures.flat(64, 48)[:300], 200, "image/jpeg"), "text": answer(b"x", 200, "text/x"),
                        "odd": answer(b"", 600), "lie": answer(b"<html>", 200, "image/png"), "close": b"",
                        "500": answer(b"x", 500, "text/plain")}.items():
        origin.serve(f"/{name}", lambda _, reply=reply: [reply])
    answers = []
    for path in ("a.jpg", "away", "here", "broken.jpg", "text", "odd", "lie", "close", "500", "missing"):
        answers += [front.get(f"/{options}/http://{host}/{path}") for options in ("", "10x", "vu1")]
    for target in (f"/x/http://{own}no-such-name.invalid/", f"/x/http://{own}127.0.0.1:2/", f"/x/http://{own}10.0.0.1/",
                   f"/x/http:{own}127.0.0.1/", f"/x/HTTP:///{own}127.0.0.1/", f"/x/http://{own}127.0.0.1:22/"):
        answers.append(front.get(target))
    assert {one.status for one in answers} >= {200, 403, 404, 502}
    for one in answers:
        assert_no_secret(f"{one.fields} {one.body}", "an answer")
    # Of a request that is no URL the client is told what it sent, and nobody else is.
    for target in (f"/x/ftp://{own}127.0.0.1/", f"/x/http://{own}ho%20st/", f"/{own}127.0.0.1/", f"/x/http://{own}h:x/",
                   f"/x/http%3A%2F%2F{own}h:x%2F"):
        assert front.get(target).status == 400
    with client.Connection(f"{tmp_path}/admin") as admin:
        for page in ("/status", "/metrics", "/ready", "/"):
            assert_no_secret(admin.request(page).text, page)
        assert_no_secret(admin.request("/status", headers={"Accept": "text/html"}).text, "the page")
    assert_no_secret(front.get("/metrics").text, "/metrics")
    for pid in {front.pid} | front.family():
        for file in ("cmdline", "environ", "comm"):
            with open(f"/proc/{pid}/{file}", "rb") as content:
                assert_no_secret(content.read().decode(errors="replace"), f"{file} of {pid}")
    front.stop()
    assert front.errors.count("\n") > 30
    assert_no_secret(front.errors, "the log")
    checked = run_program(front.binaries, "check", "-config", str(settings))
    assert checked.returncode == 0, checked
    assert_no_secret(checked.stdout + checked.stderr, "check")


def test_a_mistake_about_a_secret_does_not_tell_it(bin, tmp_path):
    settings = tmp_path / "settings"
    for line in (f"cache redis://:{REDIS}@127.0.0.1:port", f"cache redis://:{REDIS}", f"cache rediss://:{REDIS}@host",
                 f"baseURL ftp://u:{USERINFO}@host", f"signatureKy {KEY}", f"redis://:{REDIS}@host"):
        settings.write_text(line + "\n")
        name, _, value = line.partition(" ")
        runs = [run_program(bin, "-config", str(settings))]
        if value:
            runs += [run_program(bin, f"-{name}", value), run_program(bin, f"-{name}={value}"),
                     run_program(bin, environment={f"IMAGEPROXY_{name.upper()}": value})]
        else:
            runs.append(run_program(bin, "-addr", ":0", name))
        for run in runs:
            assert run.returncode == 2 and run.stderr.count("\n") == 1, run
            assert_no_secret(run.stdout + run.stderr, line)


def test_no_core_is_dumped(bin, tmp_path):
    def unlimited():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    front = subprocess.Popen(
        [bin / "imageproxy", "-addr", "127.0.0.1:0", "-workers", "1"], cwd=tmp_path, preexec_fn=unlimited,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "SWIFT_BACKTRACE": "enable=no"})
    assert front.stdout.readline().startswith(b"imageproxy listening on ")
    family = [one.pid for level in processes.descendants(front.pid) for one in level]
    os.kill(front.pid, signal.SIGSEGV)
    _, status = os.waitpid(front.pid, 0)
    front.returncode = -signal.SIGSEGV
    front.stdout.close()
    processes.wait_until(lambda: not any(map(processes.alive, family)), what="workers gone")
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV
    assert not os.WCOREDUMP(status) and not list(tmp_path.iterdir())


def test_lines_of_the_log_cannot_be_forged(start, origin):
    front = start(*LOCAL, "-workers", "1", "-verbose", "-trustedProxies", "127.0.0.1", "-passRequestHeaders", "X-Own")
    url = origin.serve("/\u00e9%0d%0a", pictures.flat(20, 20))
    forged = "2026/11/24 00:00:00 forged"
    for target in (f"/x/{url}", "/x/http://127.0.0.1:2/%0a" + forged.replace(" ", "%20"), f"/x%0a{forged.replace(' ', '%20')}/ftp://h/",
                   "/x/http%3A%2F%2F127.0.0.1:2%2F%0a2026", "/\u2028\u0085\x9b31m/x", "/x/http://127.0.0.1:2/\x9b31m",
                   base64_of(f"http://127.0.0.1:2/\n{forged}"), base64_of(f"http://h\r{forged}/")):
        front.get(target, headers={"Referer": "\x9b31m\t", "X-Forwarded-For": "\x9b31m", "X-Own": "\x85"})
    time.sleep(0.3)
    lines = front.errors.splitlines()
    assert len(lines) >= 6
    for line in front.errors.split("\n")[:-1]:
        assert line.startswith("20") and line.isascii() and line.isprintable(), repr(line)
        assert not line.startswith("2026/11/24 00:00:00"), line


def base64_of(url):
    return "/x/" + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
