# SPDX-License-Identifier: Apache-2.0
"""Unit files, as far as the package's need it."""

import pathlib
import re

PLACES = ("etc/systemd/system", "lib/systemd/system")


class Unit:
    """A unit's settings: each name, without its section, and the values it stands for."""

    def __init__(self, root, name):
        """`root`: of the machine. An instance, as `a@1.service`, is read from its template."""
        self.name = name
        stem, _, self.suffix = name.rpartition(".")
        base, at, self.instance = stem.partition("@")
        file = f"{base}{at}.{self.suffix}"
        found = [path for place in PLACES if (path := pathlib.Path(root) / place / file).exists()]
        if not found:
            raise KeyError(f"Unit {name} not found.")
        self.settings = {}
        for line in found[0].read_text().replace("\\\n", " ").splitlines():
            match = re.fullmatch(r"(\w+)=(.*)", line.strip())
            if match:
                value = match[2].strip().replace("%i", self.instance).replace("%%", "%")
                self.settings.setdefault(match[1], []).append(value)

    def words(self, name):
        """All words of a setting that may stand several times."""
        return " ".join(self.settings.get(name, [])).split()

    def value(self, name, default=""):
        return self.settings.get(name, [default])[-1]

    def seconds(self, name, default):
        text = self.value(name, default)
        match = re.fullmatch(r"([\d.]+)(ms|s|)", text)
        return float(match[1]) * (0.001 if match[2] == "ms" else 1)


def ids(root, user):
    """User and group of a user of the machine."""
    for line in (pathlib.Path(root) / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == user:
            return int(fields[2]), int(fields[3])
    raise KeyError(f"no user {user}")
