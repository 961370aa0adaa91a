# SPDX-License-Identifier: Apache-2.0
"""A Debian of its own for a test: what debootstrap makes, with a layer over it that is thrown away."""

import os
import pathlib
import shutil
import subprocess
import tempfile

MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
CACHE = pathlib.Path(__file__).resolve().parents[2] / ".build" / "debian"
CONFIGURATION = "/etc/imageproxy/imageproxy.conf"


def higher_version(package, directory):
    """The same package with a higher version and another configuration as delivered."""
    tree = directory / "tree"
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    control = (tree / "DEBIAN/control").read_text()
    (tree / "DEBIAN/control").write_text(control.replace("\nVersion: ", "\nVersion: 1:"))
    delivered = tree / CONFIGURATION.lstrip("/")
    delivered.write_text(delivered.read_text() + "# another default\n")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, directory / "higher.deb"], check=True)
    return directory / "higher.deb"


def base(packages=()):
    """The directory of a minimal Debian 12 with these packages; made once, and kept."""
    directory = CACHE / "-".join(["bookworm", *packages])
    if not directory.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = tempfile.mkdtemp(dir=CACHE)
        include = [f"--include={','.join(packages)}"] if packages else []
        command = ["debootstrap", "--variant=minbase", *include, "bookworm", unfinished, MIRROR]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
        assert done.returncode == 0, f"debootstrap failed: is {MIRROR} reachable?\n{done.stdout[-2000:]}"
        os.chmod(unfinished, 0o755)
        os.rename(unfinished, directory)
    return directory


class Debian:
    """A root directory that may be changed at will. The mounts need a mount namespace that ends with the test."""

    def __init__(self, packages=()):
        lower = base(packages)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="imageproxy-debian-", dir=CACHE))
        self.root = self.work / "root"
        for name in ("upper", "scratch", "root"):
            (self.work / name).mkdir()
        options = f"lowerdir={lower},upperdir={self.work}/upper,workdir={self.work}/scratch"
        self._mount("-t", "overlay", "-o", options, "overlay", self.root)

    def _mount(self, *arguments):
        subprocess.run(["mount", *map(str, arguments)], check=True)

    def close(self):
        subprocess.run(["umount", "--recursive", "--lazy", str(self.root)], check=True)
        shutil.rmtree(self.work)

    def mount_kernel_directories(self):
        """/proc and /dev, for programs that run in a chroot."""
        self._mount("-t", "proc", "proc", self.root / "proc")
        self._mount("--rbind", "/dev", self.root / "dev")

    def path(self, name):
        return self.root / name.lstrip("/")

    def copy(self, file):
        """A file from outside, in /root; gives its path inside."""
        shutil.copy(file, self.path("/root"))
        return f"/root/{pathlib.Path(file).name}"

    def run(self, *command, status=0):
        """Runs a command in the chroot and gives its output; any other status than the expected one is an error."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["chroot", str(self.root), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=600, env=environment)
        assert done.returncode == status, f"{command}: status {done.returncode}\n{done.stdout[-3000:]}"
        return done.stdout

    def files(self, pattern):
        """All paths whose name has the pattern in it, apart from apt's and dpkg's own records."""
        found = self.run("find", "/", "-xdev", "-path", f"*{pattern}*", "-not", "-path", "/var/lib/dpkg/*",
                         "-not", "-path", "/var/cache/apt/*", "-not", "-path", "/root/*", "-not", "-path", "/proc/*")
        return set(found.split())
