# SPDX-License-Identifier: Apache-2.0
"""Purging: a URL and all that was made from it is forgotten, in every cache and every front."""

import threading

import pytest

import client
import pictures
import processes
import redis_server
from front import LOCAL, run_program
from origin import answer, picture
from test_cache_disk import put, upstream
from test_fleet import wait_for_fronts

SIZES = (50, 100)


class Picture:
    """One that its origin changes without a word: it may be kept for long, and has a tag that does not change."""

    def __init__(self, origin, path="/a.jpg"):
        self.origin, self.version, self.path = origin, 0, path
        self.url = origin.serve(path, self.handle)

    def handle(self, request):
        if request.headers.get("if-none-match"):
            return answer(status=304, headers={"Cache-Control": "max-age=1000"})
        return answer(pictures.flat(200, 100, seed=self.version), content_type="image/jpeg",
                      headers={"Cache-Control": "max-age=1000", "Etag": '"same"'})

    def change(self):
        self.version += 1

    def is_current(self, front):
        """Whether a front has the present version, of the original and of all variants."""
        now = pictures.flat(200, 100, seed=self.version)
        if front.get(f"/{self.url}").body != now:
            return False
        colour = pictures.decoded(now).getpixel((50, 50))
        for size in SIZES:
            got = front.picture(f"/{size}x/{self.url}").getpixel((size // 4, size // 4))
            if any(abs(one - other) > 12 for one, other in zip(got, colour)):
                return False
        return True


@pytest.fixture
def begin(start, tmp_path):
    """Starts fronts whose operator's listener is a Unix socket."""
    count = 0

    def run(*flags):
        nonlocal count
        count += 1
        socket = tmp_path / f"{count}.sock"
        front = start(*LOCAL, "-workers", "1", "-adminAddr", f"unix:{socket}", *flags)
        front.admin = str(socket)
        return front

    return run


def purge(front, target, method="PURGE", headers=()):
    with client.Connection(front.admin, 30) as connection:
        return connection.request(target, method, headers)


def changed(begin, origin, *flags):
    """A front that has a picture which is out of date in all its caches."""
    front = begin(*flags)
    one = Picture(origin)
    assert one.is_current(front)
    one.change()
    assert not one.is_current(front)
    return front, one


@pytest.mark.parametrize("method", ["PURGE", "DELETE"])
def test_an_original_and_all_its_variants_are_forgotten(begin, origin, tmp_path, method):
    front, one = changed(begin, origin, "-cache", "memory", "-cache", str(tmp_path / "cache"))
    other = Picture(origin, "/b.jpg")
    assert other.is_current(front)
    done = purge(front, f"/{one.url}", method)
    assert done.status == 200 and done.text.startswith(f"purged {one.url} in this front") and "Redis" in done.text
    assert one.is_current(front)
    # And is kept from then on; others are left alone.
    count = origin.count()
    assert one.is_current(front) and origin.count() == count
    other.change()
    assert not other.is_current(front) and origin.count() == count
    assert f"purged {one.url}" in front.errors


def test_options_in_front_do_not_matter(begin, origin):
    front, one = changed(begin, origin, "-cache", "memory")
    assert purge(front, f"/300x300,q50/{one.url}").status == 200
    assert one.is_current(front)


def test_a_purge_outlives_a_restart(begin, origin, tmp_path):
    flags = ["-cache", "memory", "-cache", f"file://{tmp_path}/cache?size=10MB"]
    front, one = changed(begin, origin, *flags)
    assert purge(front, f"/{one.url}").status == 200
    front.stop()
    front = begin(*flags)
    assert one.is_current(front)
    count = origin.count()
    front.stop()
    # What was stored after the purge is good after the next restart.
    front = begin(*flags)
    assert one.is_current(front) and origin.count() == count


def test_entries_of_the_original_program_are_purged_too(begin, origin, tmp_path):
    cache = tmp_path / "cache"
    one = Picture(origin)
    put(cache, one.url, upstream(pictures.flat(200, 100, seed=7)))
    put(cache, f"{one.url}#100x0", upstream(pictures.flat(100, 50, seed=7)))
    front = begin("-cache", str(cache))
    assert not one.is_current(front)
    assert purge(front, f"/{one.url}").status == 200
    assert one.is_current(front)


def test_all_fronts_hear_of_it(begin, origin, redis, tmp_path):
    caches = [["-cache", "memory", "-cache", str(tmp_path / str(number)), "-cache", redis.url] for number in range(3)]
    fronts = [begin(*flags) for flags in caches]
    wait_for_fronts(redis, 3)
    one = Picture(origin)
    for round in range(3):
        assert all(one.is_current(front) for front in fronts)
        count = origin.count()
        one.change()
        done = purge(fronts[round], f"/{one.url}")
        assert done.status == 200 and "in all fronts" in done.text
        for front in fronts:
            processes.wait_until(lambda: one.is_current(front), what="all have heard of the purge")
        # One question for all: the first that asks shares what it gets.
        assert origin.count() == count + 1


def test_a_front_that_was_away_hears_of_it(begin, origin, redis, tmp_path):
    caches = [["-cache", str(tmp_path / str(number)), "-cache", redis.url] for number in range(2)]
    fronts = [begin(*flags) for flags in caches]
    wait_for_fronts(redis, 2)
    one = Picture(origin)
    assert all(one.is_current(front) for front in fronts)
    fronts[0].stop()
    one.change()
    assert purge(fronts[1], f"/{one.url}").status == 200
    assert one.is_current(begin(*caches[0]))


def test_a_redis_that_is_away_is_told_when_it_is_back(begin, origin, redis):
    fronts = [begin("-cache", "memory", "-cache", redis.url) for _ in range(2)]
    wait_for_fronts(redis, 2)
    one = Picture(origin)
    assert all(one.is_current(front) for front in fronts)
    redis.kill()
    one.change()
    done = purge(fronts[0], f"/{one.url}")
    assert done.status == 503 and "Redis does not answer" in done.text
    assert one.is_current(fronts[0]) and not one.is_current(fronts[1])
    redis.start()
    processes.wait_until(lambda: one.is_current(fronts[1]), timeout=20, what="the other front has heard of it")


def test_a_redis_that_lost_its_memory_is_told_again(begin, origin, redis, tmp_path):
    flags = ["-cache", "memory", "-cache", redis.url]
    front, one = changed(begin, origin, *flags)
    assert purge(front, f"/{one.url}").status == 200
    before = redis.cli("ZRANGE", "imageproxy:purges", "0", "-1", "WITHSCORES")
    assert len(before.split()) == 2
    redis.kill()
    redis.start()
    processes.wait_until(
        lambda: redis.cli("ZRANGE", "imageproxy:purges", "0", "-1", "WITHSCORES") == before, timeout=20,
        what="Redis knows what was purged again")


def test_who_asks_after_a_purge_does_not_get_what_was_begun_before(begin, origin):
    front = begin("-cache", "memory")
    reached, go = threading.Event(), threading.Event()

    def slow(request):
        version = len(origin.requests)
        reached.set()
        if version == 1:
            go.wait(20)
        return answer(pictures.flat(200, 100, seed=version), content_type="image/jpeg",
                      headers={"Cache-Control": "max-age=1000"})

    url = origin.serve("/a.jpg", slow)
    with front.connect() as connection:
        connection.send(f"GET /{url} HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reached.wait(20)
        assert purge(front, f"/{url}").status == 200
        assert front.get(f"/{url}").body == pictures.flat(200, 100, seed=2)
        go.set()
        assert connection.read().body == pictures.flat(200, 100, seed=1)
    # What was begun before is not what is kept.
    assert front.get(f"/{url}").body == pictures.flat(200, 100, seed=2)


def test_what_is_no_picture_is_refused(begin):
    front = begin("-cache", "memory")
    for target in ("/", "/status", "/100x/ftp://a/b"):
        refused = purge(front, target)
        assert refused.status == 400 and "PURGE /{URL of a picture}" in refused.text, target
    # Clients have no such thing.
    assert front.get("/http://a.example/a.jpg", "PURGE").status == 405


def test_a_token_is_taken_and_nothing_else(start, bin, tmp_path):
    (tmp_path / "token").write_text("secret")
    port = redis_server.free_port()
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-adminAddr", f"127.0.0.1:{port}", "-adminToken",
                  f"@{tmp_path}/token")
    front.admin = ("127.0.0.1", port)
    target = "/http://a.example/a.jpg"
    for headers in ((), [("Authorization", "Bearer secreT")], [("Authorization", "Bearer ")],
                    [("Authorization", "Basic secret")], [("Authorization", "secret")]):
        refused = purge(front, target, headers=headers)
        assert refused.status == 401 and refused["WWW-Authenticate"] == "Bearer"
    assert purge(front, target, headers=[("Authorization", "Bearer secret")]).status == 200
    assert "secret" not in front.errors
    # The command has it from a file or the environment.
    command = ["purge", "-adminAddr", f"127.0.0.1:{port}", "http://a.example/a.jpg"]
    assert run_program(bin, *command).returncode == 1
    assert run_program(bin, *command, "-adminToken", f"@{tmp_path}/token").returncode == 0
    assert run_program(bin, *command, environment={"IMAGEPROXY_ADMINTOKEN": "secret"}).returncode == 0


def test_the_command(begin, bin, origin):
    front, one = changed(begin, origin, "-cache", "memory")
    address = ["-adminAddr", f"unix:{front.admin}"]
    done = run_program(bin, "purge", *address, one.url, "http://b.example/b.jpg")
    assert done.returncode == 0 and done.stdout.count("purged ") == 2 and one.url in done.stdout, done
    assert one.is_current(front)
    for arguments, status in ((["b.jpg"], 1), ([], 2), (["http://a/ö"], 2), (["-x", "http://a/b"], 2)):
        failed = run_program(bin, "purge", *address, *arguments)
        assert failed.returncode == status and (failed.stdout + failed.stderr).count("\n") == 1, failed
    assert run_program(bin, "purge", "-adminAddr", "unix:/none", one.url).returncode == 1


@pytest.mark.parametrize("address, status", [("127.0.0.1", 200), ("localhost", 200), ("0.0.0.0", 403), ("", 403)])
def test_without_a_token_only_this_machine_may(start, address, status):
    port = redis_server.free_port()
    front = start(*LOCAL, "-workers", "1", "-adminAddr", f"{address}:{port}")
    front.admin = ("127.0.0.1", port)
    done = purge(front, "/http://a.example/a.jpg")
    assert done.status == status and (status == 200 or "-adminToken" in done.text)
