# SPDX-License-Identifier: Apache-2.0
"""Origins that speak TLS: whom a front trusts, and that it fetches no certificates by itself."""

import socket
import ssl
import subprocess
import threading

import pytest

import pictures
import processes
from front import run_program
from origin import Trap, answer

FAILED = "error fetching remote image: the remote host's TLS connection failed\n"


def openssl(directory, *arguments):
    subprocess.run(["/usr/bin/openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60)


class Authority:
    """A root, an authority below it, and a certificate for `localhost` that says where the latter's could be had."""

    def __init__(self, directory, helpful):
        self.directory = directory
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl(directory, "req", "-x509", *curve, "-days", "2", "-subj", "/CN=root", "-keyout", "root.key", "-out", "root.pem")
        for name, issuer, extensions in (
                ("middle", "root", "basicConstraints=critical,CA:TRUE"),
                ("leaf", "middle", f"subjectAltName=DNS:localhost\nauthorityInfoAccess=caIssuers;URI:{helpful}")):
            (directory / f"{name}.ext").write_text(extensions + "\n")
            openssl(directory, "req", "-new", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
                    "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
        (directory / "chain.pem").write_text((directory / "leaf.pem").read_text() + (directory / "middle.pem").read_text())

    def file(self, name):
        return str(self.directory / f"{name}.pem")


class SecureOrigin:
    """Answers every request with one picture."""

    def __init__(self, certificates, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}/a.jpg"
        threading.Thread(target=self._serve, args=(context,), daemon=True).start()

    def _serve(self, context):
        body = answer(pictures.flat(40, 20), content_type="image/jpeg", headers={"Connection": "close"})
        while True:
            try:
                connection, _ = self.listener.accept()
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(65536)
                    secure.sendall(body)
            except ssl.SSLError:
                continue
            except OSError:
                if self.listener.fileno() < 0:
                    return

    def close(self):
        self.listener.close()


@pytest.fixture(scope="module")
def trap():
    trap = Trap(socket.AF_INET, "127.0.0.1")
    yield trap
    trap.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory, trap):
    return Authority(tmp_path_factory.mktemp("authority"), f"http://127.0.0.1:{trap.port}/middle.der")


@pytest.fixture
def secure(authority):
    origins = []

    def serve(certificates):
        origins.append(SecureOrigin(authority.file(certificates), str(authority.directory / "leaf.key")))
        return origins[-1].url

    yield serve
    for one in origins:
        one.close()


def test_an_authority_can_be_added(start, secure, authority):
    url = secure("chain")
    # Naming the host is what lets it be inside.
    answered = start("-workers", "1", "-allowHosts", "localhost").get(f"/20x/{url}")
    assert (answered.status, answered.text) == (502, FAILED)
    front = start("-workers", "1", "-allowHosts", "localhost", "-tlsCAFile", authority.file("root"))
    assert front.picture(f"/20x/{url}").size == (20, 10)
    # The certificate is for the name, not for wherever that leads.
    elsewhere = start("-workers", "1", "-allowHosts", "127.0.0.1", "-tlsCAFile", authority.file("root"))
    assert elsewhere.get(f"/20x/{url.replace('localhost', '127.0.0.1')}").text == FAILED


def test_what_is_missing_of_a_chain_is_not_fetched(start, secure, authority, trap):
    url = secure("leaf")
    front = start("-workers", "1", "-allowHosts", "localhost,127.0.0.1", "-tlsCAFile", authority.file("root"))
    answered = front.get(f"/20x/{url}")
    assert (answered.status, answered.text) == (502, FAILED)
    processes.wait_until(lambda: "incomplete chain" in front.errors and "-tlsCAFile" in front.errors, what="a line that says so")
    assert trap.visits() == 0
    # With the missing one at hand it is complete.
    both = authority.directory / "both.pem"
    both.write_text("".join((authority.directory / f"{name}.pem").read_text() for name in ("root", "middle")))
    front = start("-workers", "1", "-allowHosts", "localhost", "-tlsCAFile", str(both))
    assert front.picture(f"/20x/{url}").size == (20, 10)


@pytest.mark.parametrize("file, expected", [("/nonexistent/ca.pem", "no such file"), ("/etc/hostname", "PEM")])
def test_a_file_of_authorities_that_is_none(bin, file, expected):
    run = run_program(bin, "-addr", "127.0.0.1:0", "-tlsCAFile", file)
    assert run.returncode == 1 and run.stderr.count("\n") == 1
    assert "-tlsCAFile" in run.stderr and expected in run.stderr
