# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus, unpacked from Debian's package by scripts/test, on a free port of the loopback interface."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request

import pytest

import processes
from redis_server import free_port

PROGRAMS = pathlib.Path(__file__).resolve().parents[2] / ".build/prometheus/usr/bin"


def program(name):
    if not (PROGRAMS / name).exists():
        pytest.fail(f"{PROGRAMS / name} is missing: run scripts/test, or: bash -c '. scripts/lib.sh; need_prometheus'")
    return str(PROGRAMS / name)


def promtool(*words, said=None):
    """Runs promtool, on a file or on what is `said` to it; gives what it says itself."""
    done = subprocess.run([program("promtool"), *map(str, words)], input=said, text=True, capture_output=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


class Prometheus:
    """Scrapes a few addresses every second, under the name `imageproxy`."""

    def __init__(self, targets, rules):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="prometheus-test-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        settings = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(rules)],
                    "scrape_configs": [{"job_name": "imageproxy", "static_configs": [{"targets": targets}]}]}
        # JSON is YAML.
        (self.directory / "prometheus.yml").write_text(json.dumps(settings))
        self.process = subprocess.Popen(
            [program("prometheus"), f"--config.file={self.directory}/prometheus.yml",
             f"--storage.tsdb.path={self.directory}/data", f"--web.listen-address={self.url[7:]}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.wait_until(lambda: self.ask("status/buildinfo"), timeout=60, interval=0.2, what="Prometheus answers")

    def ask(self, path, **parameters):
        """The answer's data; None while there is nobody."""
        try:
            query = urllib.parse.urlencode(parameters)
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=20) as answer:
                return json.load(answer)["data"]
        except ConnectionError:
            return None
        except urllib.error.HTTPError as error:
            pytest.fail(f"{parameters}: {error.read().decode()}")
        except urllib.error.URLError:
            return None

    def values(self, expression):
        """What an expression is now, one of each series."""
        return [float(one["value"][1]) for one in self.ask("query", query=expression)["result"]]

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.directory, ignore_errors=True)
