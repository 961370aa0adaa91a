# SPDX-License-Identifier: Apache-2.0
"""The package on a bare Debian 12 without systemd: installed, run, upgraded, taken away. The tests build on each other."""

import gzip
import os

import pytest

import origin as origins
import pictures
import processes
from debian import CONFIGURATION, Debian, higher_version
from front import Front


@pytest.fixture(scope="module")
def debian():
    machine = Debian()
    machine.mount_kernel_directories()
    machine.run("apt-get", "update", "-qq")
    yield machine
    machine.close()


def test_it_is_installed_on_a_bare_system(debian, package):
    debian.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", debian.copy(package))
    assert debian.run("id", "-un", "imageproxy").strip() == "imageproxy"
    assert "not a dynamic executable" not in debian.run("ldd", "/usr/bin/imageproxy", "/usr/bin/imageproxy-worker")
    assert "libswift" not in debian.run("ldd", "/usr/bin/imageproxy")
    assert debian.path("/usr/share/man/man8/imageproxy-worker.8.gz").stat().st_size > 500
    for completion in ("bash-completion/completions/imageproxy", "zsh/vendor-completions/_imageproxy",
                       "fish/vendor_completions.d/imageproxy.fish"):
        assert "allowHosts" in debian.path(f"/usr/share/{completion}").read_text()
    for command in ("status", "workers", "purge", "sign", "check"):
        page = gzip.decompress(debian.path(f"/usr/share/man/man1/imageproxy-{command}.1.gz").read_bytes()).decode()
        assert f"imageproxy {command}" in page
    # As bash does it: the file of the program's name, then the function it names.
    offered = debian.run("bash", "-c", '''
        for program in imageproxy imageproxy-sign; do
            . /usr/share/bash-completion/completions/$program
            COMP_WORDS=($program purge -) COMP_CWORD=2
            _imageproxy
            echo "${COMPREPLY[*]}"
        done''')
    assert offered.splitlines() == ["-adminAddr -adminToken", "-key -url"]
    assert debian.run("imageproxy-sign", "-key", "secret", "https://example.com/a.jpg").count("\n") == 2
    # What is delivered must be accepted.
    assert "The configuration is valid" in debian.run("imageproxy", "check", "-config", CONFIGURATION)


def test_it_starts_there_and_serves_a_picture(debian, tmp_path):
    program = tmp_path / "imageproxy"
    program.write_text(
        f'#!/bin/sh\nexec chroot --userspec=imageproxy:imageproxy {debian.root} /usr/bin/imageproxy "$@"\n')
    os.chmod(program, 0o755)
    origin = origins.Origin()
    source = origin.serve("/a.jpg", pictures.jpeg(400, 300))
    front = Front(tmp_path, "-config", CONFIGURATION, "-allowPrivateNetworks", "-workers", "1")
    try:
        assert front.picture(f"/200x/{source}").size == (200, 150)
        processes.wait_until(
            lambda: any(path.is_file() for path in debian.path("/var/cache/imageproxy").rglob("*")),
            what=f"something in the cache directory\n{front.errors}")
    finally:
        front.stop()
        origin.close()


def test_an_upgrade_keeps_the_configuration(debian, package, tmp_path):
    file = debian.path(CONFIGURATION)
    edited = file.read_text() + "allowHosts example.com\n"
    file.write_text(edited)
    before = debian.run("dpkg-query", "-W", "-f", "${Version}", "imageproxy")
    # With no terminal to ask on, dpkg keeps what an operator has changed only when it is told to; as unattended-upgrades does.
    debian.run("dpkg", "--force-confold", "-i", debian.copy(higher_version(package, tmp_path)))
    assert debian.run("dpkg-query", "-W", "-f", "${Version}", "imageproxy") == f"1:{before}"
    assert file.read_text() == edited
    assert "another default" in debian.path(CONFIGURATION + ".dpkg-dist").read_text()


def test_what_is_removed_is_gone(debian):
    debian.run("apt-get", "remove", "-y", "-qq", "imageproxy")
    # What an operator has written stays, and deb-systemd-helper remembers what was enabled.
    kept = ("/etc/imageproxy", "/var/cache/imageproxy", "/etc/systemd/system/", "/var/lib/systemd/deb-systemd-helper-")
    left = {path for path in debian.files("imageproxy") if not path.startswith(kept)}
    assert left == set()
    assert debian.path(CONFIGURATION).exists()
    debian.run("apt-get", "purge", "-y", "-qq", "imageproxy")
    assert debian.files("imageproxy") == set()

