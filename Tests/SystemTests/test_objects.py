# SPDX-License-Identifier: Apache-2.0
"""S3, Google Cloud Storage and Azure as caches: what is sent, how it is signed, and what their failures cost."""

import base64
import datetime
import hashlib
import json
import pathlib
import re
import socket
import subprocess
import urllib.parse
import urllib.request

import pytest

import object_peer
import pictures
import processes
import redis_server
from front import LOCAL, in_parallel, run_program
from origin import picture

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
AZURE = {"AZURESTORAGE_ACCOUNT_NAME": "account", "AZURESTORAGE_ACCESS_KEY": base64.b64encode(b"k" * 64).decode()}


@pytest.fixture
def peer():
    server = object_peer.Peer()
    yield server
    server.close()


def md5(key):
    return hashlib.md5(key.encode()).hexdigest()


def kept(peer, count=2):
    """Waits until so many objects are there: an original and its variant."""
    processes.wait_until(lambda: len(peer.objects) == count, what=f"{count} objects, not {list(peer.objects)}")


def serve(origin, path="/a.jpg"):
    return origin.serve(path, picture(pictures.flat(200, 100), Cache_Control="max-age=1000"))


def s3(peer, more="", bucket="bucket/some/prefix"):
    return ["-cache", f"s3://eu-central-1/{bucket}?endpoint={peer.url}&s3ForcePathStyle=1{more}"]


def places(peer, tmp_path):
    """The three kinds, each with what it needs: flags, environment, and the path of an object."""
    return {
        "s3": (s3(peer), KEYS, "/bucket/some/prefix/"),
        "gcs": (["-cache", f"gcs://bucket/some/prefix?endpoint={peer.url}"], google(peer, tmp_path),
                "/storage/v1/b/bucket/o/some%2Fprefix%2F"),
        "azure": (["-cache", f"azure://container/?endpoint={peer.url}/account"], AZURE, "/account/container/"),
    }


def google(peer, tmp_path, lifetime=3600):
    """A service account, and a token service that gives tokens to whoever has signed with its key."""
    key = tmp_path / "key.pem"
    if not key.exists():
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key],
                       check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", tmp_path / "public.pem"], check=True)
    account = {"type": "service_account", "client_email": "me@project.example", "private_key_id": "key-1",
               "private_key": key.read_text(), "token_uri": f"{peer.url}/token"}
    (tmp_path / "account.json").write_text(json.dumps(account))
    issued = []

    def token(seen):
        form = urllib.parse.parse_qs(seen.body.decode())
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        message, _, signature = form["assertion"][0].rpartition(".")
        head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in message.split("."))
        (tmp_path / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
        verdict = subprocess.run(
            ["openssl", "dgst", "-sha256", "-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature"],
            input=message.encode(), capture_output=True)
        if verdict.returncode != 0 or head != {"alg": "RS256", "typ": "JWT", "kid": "key-1"} \
                or claims["iss"] != "me@project.example" or claims["aud"] != f"{peer.url}/token" \
                or claims["scope"] != "https://www.googleapis.com/auth/devstorage.read_write" \
                or claims["exp"] - claims["iat"] != 3600:
            return 400, {}, b'{"error":"invalid_grant"}'
        issued.append(f"token-{len(issued)}")
        return 200, {}, json.dumps({"access_token": issued[-1], "expires_in": lifetime}).encode()

    peer.routes["/token"] = token
    peer.issued = issued
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "account.json")}


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_what_one_front_stores_another_serves(start, origin, peer, tmp_path, kind):
    flags, environment, prefix = places(peer, tmp_path)[kind]
    url = serve(origin)
    first = start(*LOCAL, "-workers", "1", *flags, environment=environment)
    made = first.get(f"/100x/{url}")
    assert made.status == 200, first.errors
    kept(peer)
    assert set(peer.objects) == {prefix + md5(url), prefix + md5(f"{url}#100x0")}
    # The same form as in a directory: a message that people can read.
    stored = peer.objects[prefix + md5(f"{url}#100x0")]
    assert stored.startswith(b"HTTP/1.1 200 OK\r\n") and stored.endswith(made.body)

    second = start(*LOCAL, "-workers", "1", *flags, environment=environment)
    # Its credentials may be on their way when the first request comes, and nobody waits for those.
    processes.wait_until(lambda: second.get(f"/100x/{url}").body == made.body and origin.count() <= 2, what="a hit")
    before = origin.count()
    assert second.get(f"/100x/{url}").body == made.body and origin.count() == before
    assert "cache" not in first.errors + second.errors


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_damaged_objects_are_misses_and_are_removed(start, origin, peer, tmp_path, kind):
    flags, environment, _ = places(peer, tmp_path)[kind]
    url = serve(origin)
    front = start(*LOCAL, "-workers", "1", *flags, environment=environment)
    made = front.get(f"/100x/{url}").body
    kept(peer)
    whole = dict(peer.objects)
    for path, content in whole.items():
        peer.objects[path] = content[:-1] + bytes([content[-1] ^ 1])
    # What is still being written is served from here.
    processes.wait_until(lambda: front.get(f"/100x/{url}").body == made and origin.count() == 2, what="a miss")
    # Not the same in their heads, which tell when they were made.
    ends = {path: content[-100:] for path, content in whole.items()}
    processes.wait_until(
        lambda: {path: content[-100:] for path, content in peer.objects.items()} == ends, what="the right objects again")
    assert len(peer.seen("DELETE")) == 2


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
@pytest.mark.parametrize("fault", ["errors", "slow", "garbage", "cut short", "forbidden"])
def test_a_store_in_trouble_fails_nobody(start, origin, peer, tmp_path, kind, fault):
    flags, environment, _ = places(peer, tmp_path)[kind]
    url = serve(origin)
    # On a machine that is busy with something else the worker is slow, and nobody is to be sent away for that here.
    front = start(*LOCAL, "-workers", "1", "-maxQueueWait", "1m", *flags, environment=environment)
    assert front.get(f"/100x/{url}").status == 200
    kept(peer)
    peer.fault = {
        "errors": lambda seen: (500, {}, b"<Error><Code>InternalError</Code></Error>"),
        "slow": object_peer.slow(8),
        "garbage": lambda seen: (200, {}, bytes(range(256)) * 400) if seen.method == "GET" else (500, {}, b""),
        "cut short": lambda seen: (None, {}, b""),
        "forbidden": lambda seen: (403, {}, b"<Error><Code>AccessDenied</Code></Error>"),
    }[fault]
    # Each look is a miss, until the store is left alone; from then on nobody asks it.
    def ask(number):
        assert front.picture(f"/{100 + number}x/{url}?{number}").size[0] == 100 + number

    with in_parallel(12, ask):
        pass
    if fault != "garbage":
        processes.wait_until(lambda: "cannot be read" in front.errors, what="a line in the log")
        assert front.errors.count("cannot be read") == 1, front.errors
    assert not any(secret in front.errors for secret in (*KEYS.values(), *AZURE.values(), "token-"))

    peer.fault = None

    def hits():
        count = origin.count()
        front.picture(f"/100x/{url}")
        return origin.count() == count

    processes.wait_until(
        lambda: hits() and (fault == "garbage" or "can be read again" in front.errors), timeout=60,
        what=f"hits again\n{front.errors}")
    assert front.errors.count("can be read again") <= 1, front.errors


def test_a_store_that_nobody_listens_for_fails_nobody(start, origin):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        dead = reserved.getsockname()[1]
        front = start(
            *LOCAL, "-workers", "1", "-cache", f"s3://region/bucket?endpoint=http://127.0.0.1:{dead}", environment=KEYS)
        url = serve(origin)
        for number in range(8):
            assert front.picture(f"/{100 + number}x/{url}").size[0] == 100 + number
        processes.wait_until(lambda: "cannot be read" in front.errors, what="a line")
        assert front.errors.count("cannot be read") == 1, front.errors


# The signatures, against the libraries that the clouds publish.


def test_amazon_s_library_signs_the_same_requests_alike(start, origin, peer):
    url = serve(origin)
    environment = {**KEYS, "AWS_SESSION_TOKEN": "a/session+token=="}
    front = start(*LOCAL, "-workers", "1", *s3(peer, bucket="bucket/Some%20%C3%BCber+prefix%21"), environment=environment)
    assert front.get(f"/100x/{url}").status == 200
    kept(peer)
    stored = peer.seen("PUT")[0]
    assert hashlib.sha256(stored.body).hexdigest() == stored.headers["x-amz-content-sha256"]
    assert "/bucket/Some%20%C3%BCber%2Bprefix%21/" in stored.path
    peer.objects = {path: content[:-1] for path, content in peer.objects.items()}
    front.get(f"/100x/{url}")
    processes.wait_until(lambda: peer.seen("DELETE"), what="a DELETE")
    for method in ("GET", "PUT", "DELETE"):
        seen = peer.seen(method)[0]
        assert seen.headers["x-amz-security-token"] == "a/session+token=="
        official = object_peer.official_authorization(
            "aws", peer.url, seen, region="eu-central-1", access_key=KEYS["AWS_ACCESS_KEY_ID"],
            secret_key=KEYS["AWS_SECRET_ACCESS_KEY"], token="a/session+token==")
        assert seen.headers["Authorization"] == official, method


def test_microsoft_s_library_signs_the_same_requests_alike(start, origin, peer):
    containers = []

    def container(seen):
        """Missing, until it is made."""
        if seen.method == "PUT" and seen.target.endswith("?restype=container"):
            containers.append(seen)
            return 201, {}, b""
        if not containers:
            return 404, {"x-ms-error-code": "ContainerNotFound"}, b""
        return None

    peer.fault = container
    front = start(
        *LOCAL, "-workers", "1", "-cache", f"azure://?endpoint={peer.url}/account", environment=AZURE)
    url = serve(origin)
    assert front.get(f"/100x/{url}").status == 200
    kept(peer)
    assert all(path.startswith("/account/cache/") for path in peer.objects)
    # Nobody but the account's owner may read what is in there.
    assert containers and containers[0].headers["x-ms-blob-public-access"] is None
    peer.objects = {path: content[:-1] for path, content in peer.objects.items()}
    front.get(f"/100x/{url}")
    processes.wait_until(lambda: peer.seen("DELETE"), what="a DELETE")
    stored = [seen for seen in peer.seen("PUT") if "?" not in seen.target][0]
    assert stored.headers["x-ms-blob-type"] == "BlockBlob"
    for seen in (peer.seen("GET")[0], stored, containers[0], peer.seen("DELETE")[0]):
        official = object_peer.official_authorization(
            "azure", peer.url, seen, account="account", key=AZURE["AZURESTORAGE_ACCESS_KEY"])
        assert seen.headers["Authorization"] == official, (seen.method, seen.target)
    assert "cache" not in front.errors


# Where credentials come from.


def soon(seconds=3600):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


def identity(seen):
    """The access key that a request was signed with."""
    return re.search(r"Credential=([^/]*)/", seen.headers["Authorization"])[1]


def temporary(name, seconds=3600):
    return json.dumps({"Code": "Success", "AccessKeyId": name, "SecretAccessKey": "secret", "Token": f"token of {name}",
                       "Expiration": soon(seconds)}).encode()


def instance(peer, tmp_path):
    peer.routes["/latest/api/token"] = lambda seen: (
        (200, {}, b"session") if seen.method == "PUT" and seen.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        else (400, {}, b""))

    def get(body):
        return lambda seen: (200, {}, body) if seen.headers["X-aws-ec2-metadata-token"] == "session" else (401, {}, b"")

    peer.routes["/latest/meta-data/iam/security-credentials/"] = get(b"the role\n")
    peer.routes["/latest/meta-data/iam/security-credentials/the%20role"] = get(temporary("INSTANCE"))
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": peer.url}


def container(peer, tmp_path):
    (tmp_path / "token").write_text("Bearer of a token\n")
    peer.routes["/credentials"] = lambda seen: (
        (200, {}, temporary("CONTAINER")) if seen.headers["Authorization"] == "Bearer of a token" else (401, {}, b""))
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{peer.url}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token")}


def profile(peer, tmp_path):
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = WRONG\naws_secret_access_key = x\n\n# ours\n[mine]\n"
        "aws_access_key_id=PROFILE\naws_secret_access_key=secret\nregion = nowhere\n")
    return {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_PROFILE": "mine"}


def web_identity(peer, tmp_path):
    (tmp_path / "token").write_text("a.web.token\n")

    def sts(seen):
        form = urllib.parse.parse_qs(seen.body.decode())
        if form != {"Action": ["AssumeRoleWithWebIdentity"], "Version": ["2011-06-15"], "RoleArn": ["arn:aws:iam::1:role/r"],
                    "RoleSessionName": ["imageproxy"], "WebIdentityToken": ["a.web.token"]}:
            return 400, {}, b"<Error><Code>InvalidIdentityToken</Code></Error>"
        return 200, {}, f"""<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
            <AccessKeyId>WEB</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>t</SessionToken>
            <Expiration>{soon()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
            </AssumeRoleWithWebIdentityResponse>""".encode()

    peer.routes["/"] = sts
    return {"AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
            "AWS_ENDPOINT_URL_STS": peer.url}


@pytest.mark.parametrize("source, name", [
    (instance, "INSTANCE"), (container, "CONTAINER"), (profile, "PROFILE"), (web_identity, "WEB"),
    (lambda peer, tmp_path: {**profile(peer, tmp_path), **KEYS}, KEYS["AWS_ACCESS_KEY_ID"]),
])
def test_amazon_s_credentials_come_from_where_its_own_programs_take_them(start, origin, peer, tmp_path, source, name):
    front = start(*LOCAL, "-workers", "1", *s3(peer), environment=source(peer, tmp_path))
    url = serve(origin)
    assert front.get(f"/100x/{url}").status == 200
    kept(peer)
    assert {identity(seen) for seen in peer.seen("PUT") if "Authorization" in seen.headers} == {name}
    assert "cache" not in front.errors


def test_credentials_are_renewed_before_they_end_and_nobody_waits(start, origin, peer, tmp_path):
    made = []

    def credentials(seen):
        made.append(f"NUMBER{len(made)}")
        # A minute is less than what is wanted, and still good.
        return 200, {}, temporary(made[-1], 60 if len(made) == 1 else 3600)

    environment = container(peer, tmp_path)
    peer.routes["/credentials"] = credentials
    front = start(*LOCAL, "-workers", "1", *s3(peer), environment=environment)
    url = serve(origin)
    assert front.get(f"/100x/{url}").status == 200
    kept(peer)
    processes.wait_until(
        lambda: front.get(f"/100x/{url}").status == 200 and identity(peer.seen("GET", None)[-1]) == "NUMBER1",
        what="the second credentials in use")
    assert made == ["NUMBER0", "NUMBER1"] and "cache" not in front.errors


def test_a_token_service_that_refuses_costs_misses(start, origin, peer, tmp_path):
    environment = google(peer, tmp_path)
    peer.routes["/token"] = lambda seen: (400, {}, b'{"error":"invalid_grant"}')
    front = start(*LOCAL, "-workers", "1", "-cache", f"gcs://bucket?endpoint={peer.url}", environment=environment)
    url = serve(origin)
    for number in range(8):
        assert front.get(f"/{100 + number}x/{url}").status == 200
    processes.wait_until(lambda: "answers 400 (invalid_grant)" in front.errors, what=front.errors)
    assert not peer.objects


def test_google_s_metadata_service_and_a_user_s_login(start, origin, peer, tmp_path):
    token = json.dumps({"access_token": "abc", "expires_in": 3600, "token_type": "Bearer"}).encode()
    peer.routes["/computeMetadata/v1/instance/service-accounts/default/token"] = lambda seen: (
        (200, {}, token) if seen.headers["Metadata-Flavor"] == "Google" else (403, {}, b""))
    form = {"client_id": ["id"], "client_secret": ["secret"], "refresh_token": ["r/1"], "grant_type": ["refresh_token"]}
    peer.routes["/token"] = lambda seen: (
        (200, {}, token) if urllib.parse.parse_qs(seen.body.decode()) == form else (400, {}, b"{}"))
    (tmp_path / "application_default_credentials.json").write_text(json.dumps({
        "type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": "r/1",
        "token_uri": f"{peer.url}/token"}))
    for environment in ({"GCE_METADATA_HOST": f"127.0.0.1:{peer.port}"}, {"CLOUDSDK_CONFIG": str(tmp_path)}):
        peer.objects.clear()
        front = start(*LOCAL, "-workers", "1", "-cache", f"gcs://bucket?endpoint={peer.url}", environment=environment)
        assert front.get(f"/100x/{serve(origin)}").status == 200
        kept(peer)
        assert peer.seen("POST")[-1].headers["Authorization"] == "Bearer abc" and "cache" not in front.errors


def test_an_emulator_of_google_s_needs_no_credentials(start, origin, peer):
    front = start(*LOCAL, "-workers", "1", "-cache", "gcs://bucket",
                  environment={"STORAGE_EMULATOR_HOST": f"127.0.0.1:{peer.port}"})
    assert front.get(f"/100x/{serve(origin)}").status == 200
    kept(peer)
    assert all("Authorization" not in seen.headers for seen in peer.requests)


# A server that was made to be S3.


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    log = open(tmp_path_factory.mktemp("moto") / "log", "w+b")
    server = subprocess.Popen(
        [object_peer.official_python(), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log,
        env={"PATH": "/usr/bin:/bin", "MOTO_S3_CUSTOM_ENDPOINTS": f"http://127.0.0.1:{port}"})
    url = f"http://127.0.0.1:{port}"

    def answers():
        assert server.poll() is None, open(log.name).read()
        try:
            return urllib.request.urlopen(url, timeout=5)
        except OSError:
            return None

    processes.wait_until(answers, timeout=60, interval=0.2, what="moto's server")
    for bucket in ("pictures", "others"):
        urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}", method="PUT"), timeout=10)
    yield url
    server.terminate()
    server.wait(20)


def test_moto_keeps_pictures(start, origin, moto):
    url = serve(origin)
    flags = [*LOCAL, "-workers", "1", "-cache", f"s3://us-east-1/pictures/of/ours?endpoint={moto}&s3ForcePathStyle=1"]
    first = start(*flags, environment=KEYS)
    made = first.get(f"/100x/{url}")

    def objects():
        listing = urllib.request.urlopen(f"{moto}/pictures?list-type=2", timeout=10).read().decode()
        return sorted(re.findall("<Key>(.*?)</Key>", listing))

    expected = sorted(f"of/ours/{md5(key)}" for key in (url, f"{url}#100x0"))
    processes.wait_until(lambda: objects() == expected, what=f"objects, not {objects()}")
    second = start(*flags, environment=KEYS)
    assert second.get(f"/100x/{url}").body == made.body and origin.count() == 1
    # Not there, and a bucket that is not there.
    assert second.picture(f"/50x/{url}?other").size == (50, 25)
    lost = start(*LOCAL, "-workers", "1", "-cache", f"s3://us-east-1/nowhere?endpoint={moto}&s3ForcePathStyle=1",
                 environment=KEYS)
    for number in range(6):
        assert lost.get(f"/{number + 1}x/{url}").status == 200
    processes.wait_until(lambda: "NoSuchBucket" in lost.errors, what=lost.errors)


def test_an_emulator_keeps_pictures(start, origin, tmp_path):
    port = redis_server.free_port()
    log = open(tmp_path / "log", "w+b")
    emulator = subprocess.Popen(
        [pathlib.Path(object_peer.official_python()).with_name("gcp-storage-emulator"), "start", "--host", "127.0.0.1",
         "--port", str(port), "--in-memory", "--default-bucket", "pictures"], stdout=log, stderr=log)
    try:
        def answers():
            assert emulator.poll() is None, open(log.name).read()
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/storage/v1/b/pictures/o", timeout=5).read()
            except OSError:
                return None

        processes.wait_until(answers, timeout=60, interval=0.2, what="the emulator")
        url = serve(origin)
        settings = dict(environment={"STORAGE_EMULATOR_HOST": f"127.0.0.1:{port}"})
        flags = [*LOCAL, "-workers", "1", "-cache", "gcs://pictures/of/ours"]
        first = start(*flags, **settings)
        made = first.get(f"/100x/{url}")
        names = {f"of/ours/{md5(key)}" for key in (url, f"{url}#100x0")}
        processes.wait_until(
            lambda: {item["name"] for item in json.loads(answers()).get("items", [])} == names,
            what=f"objects, not {answers()}\n{first.errors}")
        second = start(*flags, **settings)
        assert second.get(f"/100x/{url}").body == made.body and origin.count() == 1
        # And what is not there is a miss.
        assert second.picture(f"/50x/{url}?other").size == (50, 25)
        assert "cannot be" not in first.errors + second.errors
    finally:
        emulator.terminate()
        emulator.wait(20)


# What the operator is told.


@pytest.mark.parametrize("value, environment, words", [
    ("s3://eu-central-1/bucket/p", KEYS, "s3://eu-central-1/bucket, credentials from the environment"),
    ("s3://eu-central-1/bucket", {}, "credentials from the instance's metadata service"),
    ("gcs://bucket", {}, "gcs://bucket, credentials from the machine's metadata service"),
    ("gcs://bucket", {"STORAGE_EMULATOR_HOST": "localhost:1"}, "gcs://bucket, an emulator without credentials"),
    ("azure://container/", AZURE, "azure://container, credentials from AZURESTORAGE_ACCESS_KEY"),
])
def test_check_says_what_would_be_used(bin, value, environment, words):
    result = run_program(bin, "check", "-cache", value, environment=environment)
    assert result.returncode == 0 and words in result.stdout, result
    assert not any(secret in result.stdout for secret in (KEYS["AWS_SECRET_ACCESS_KEY"], AZURE["AZURESTORAGE_ACCESS_KEY"]))


@pytest.mark.parametrize("value, environment, words", [
    ("s3://region", KEYS, "s3://region/bucket"),
    ("s3://region/bucket?endpont=x", KEYS, "s3://region/bucket"),
    ("s3://region/bucket?endpoint=http://me:password@host", KEYS, "without a user"),
    ("s3://region/bucket", {"AWS_ACCESS_KEY_ID": "x"}, "set both"),
    ("s3://region/bucket", {"AWS_PROFILE": "none", "HOME": "/nonexistent"}, "no profile none"),
    ("s3://region/bucket", {"AWS_EC2_METADATA_DISABLED": "true"}, "set AWS_ACCESS_KEY_ID"),
    ("s3://region/bucket", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/?x"}, "has to be https"),
    ("gcs://b", {}, "gcs://bucket[/prefix]"),
    ("gcs://bucket", {"GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent"}, "no such file"),
    ("gcs://bucket", {"GOOGLE_APPLICATION_CREDENTIALS": "/etc/hostname"}, "in JSON"),
    ("azure://container/", {}, "AZURESTORAGE_ACCOUNT_NAME"),
    ("azure://container/", {**AZURE, "AZURESTORAGE_ACCESS_KEY": "no base64"}, "in base64"),
    ("azure://Container/", AZURE, "lower-case"),
])
def test_bad_settings_are_refused_in_one_line(bin, value, environment, words):
    for command in ([], ["check"]):
        result = run_program(bin, *command, "-addr", "127.0.0.1:0", "-cache", value, environment=environment)
        assert result.returncode in (1, 2) and words in result.stderr, result
        assert len(result.stderr.strip().splitlines()) == 1 and "password" not in result.stderr
