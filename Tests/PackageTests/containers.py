# SPDX-License-Identifier: Apache-2.0
"""Containers of docker or podman, whose commands are the same as far as this goes."""

import json
import os
import pathlib
import shlex
import subprocess

import yaml


class Engine:
    """The program, and the containers that were started with it: all of them end with the test."""

    def __init__(self):
        self.command = shlex.split(os.environ["IMAGEPROXY_ENGINE"])
        self.run_options = shlex.split(os.environ.get("IMAGEPROXY_RUN_OPTIONS", ""))
        self.prefix = f"imageproxy-test-{os.getpid()}-"
        self.containers, self.networks, self.volumes = [], [], []

    def __call__(self, *words, status=0, timeout=120):
        done = subprocess.run(
            [*self.command, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=timeout)
        assert done.returncode == status, f"{words}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, name, image, *command, options=()):
        container = self.prefix + name
        self.containers.append(container)
        self("run", "--detach", "--name", container, *self.run_options, *options, image, *command)
        return container

    def network(self, name):
        self.networks.append(self.prefix + name)
        self("network", "create", self.networks[-1])
        return self.networks[-1]

    def volume(self, name):
        self.volumes.append(self.prefix + name)
        self("volume", "create", self.volumes[-1])
        return self.volumes[-1]

    def inspect(self, name, kind="container"):
        return json.loads(self("inspect", "--type", kind, name))[0]

    def logs(self, container):
        done = subprocess.run([*self.command, "logs", container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout[-4000:]

    def endpoint(self, container, port=8080):
        """Where a container's port is reached from here."""
        host, _, port = self("port", container, f"{port}/tcp").split()[0].rpartition(":")
        return "127.0.0.1" if host in ("0.0.0.0", "") else host, int(port)

    def gateway(self, container):
        """This machine's address as a container sees it."""
        for line in self("exec", container, "cat", "/proc/net/route").splitlines()[1:]:
            _, destination, address = line.split()[:3]
            if destination == "00000000":
                return ".".join(str(int(address[at:at + 2], 16)) for at in (6, 4, 2, 0))
        raise AssertionError(f"{container} has no way out")

    def close(self):
        for container in self.containers:
            subprocess.run([*self.command, "rm", "--force", container], capture_output=True)
        for network in self.networks:
            subprocess.run([*self.command, "network", "rm", network], capture_output=True)
        for volume in self.volumes:
            subprocess.run([*self.command, "volume", "rm", volume], capture_output=True)


class Compose:
    """What a compose file describes, as far as ours goes; what is not known here is an error, and not left out."""

    #: Settings that are an option and its value, or one option for each value of a list.
    OPTIONS = {"cap_drop": "--cap-drop", "security_opt": "--security-opt", "tmpfs": "--tmpfs", "mem_limit": "--memory",
               "pids_limit": "--pids-limit", "restart": "--restart"}

    def __init__(self, engine, file, images, flags):
        """`images`: what stands in for an image. `flags`: more of them for a service."""
        self.engine, self.file, self.images, self.flags = engine, pathlib.Path(file), images, flags
        description = yaml.safe_load(self.file.read_text())
        self.services = description.pop("services")
        self.volumes = {name: engine.volume(name) for name in description.pop("volumes")}
        assert description == {}, f"{file}: not known to the test: {description}"
        self.network = engine.network("net")
        self.containers = {}
        while len(self.containers) < len(self.services):
            before = len(self.containers)
            for name, service in self.services.items():
                if name not in self.containers and set(service.get("depends_on", [])) <= set(self.containers):
                    self.containers[name] = self._start(name, dict(service))
            assert len(self.containers) > before, "services that wait for each other"

    def _start(self, name, service):
        service.pop("depends_on", None)
        image = service.pop("image")
        command = service.pop("command", [])
        options = []
        entry = service.pop("entrypoint", None)
        if entry:
            options += ["--entrypoint", entry[0]]
            command = entry[1:] + command
        mode = service.pop("network_mode", None)
        options += ["--network", mode or self.network] + ([] if mode else ["--network-alias", name])
        for port in service.pop("ports", []):
            # Any port outside: that of the file may be taken.
            options += ["--publish", f"127.0.0.1::{port.split(':')[-1]}"]
        for volume in service.pop("volumes", []):
            source, _, rest = volume.partition(":")
            source = str((self.file.parent / source).resolve()) if source.startswith(".") else self.volumes[source]
            options += ["--volume", f"{source}:{rest}"]
        if service.pop("read_only", False):
            options.append("--read-only")
        if service.pop("healthcheck", None) == {"disable": True}:
            options.append("--no-healthcheck")
        options += ["--stop-timeout", service.pop("stop_grace_period", "10s").rstrip("s")]
        for key, option in self.OPTIONS.items():
            value = service.pop(key, [])
            for one in value if isinstance(value, list) else [value]:
                options += [option, str(one)]
        assert service == {}, f"{name}: not known to the test: {service}"
        return self.engine.start("compose-" + name, self.images[image], *command, *self.flags.get(name, []), options=options)
