# SPDX-License-Identifier: Apache-2.0
"""The samples in docs/url-signing.md sign what the service accepts.

Those whose interpreter is not on this machine are skipped, and said to be; Python's and the shell's always run.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "url-signing.md"
KEY = "secretkey"
# (what is signed, the original's signature of it)
SIGNATURES = [
    ("https://octodex.github.com/images/codercat.jpg", "cw34eyalj8YvpLpETxSIxv2k8QkLel2UAR5Cku2FzGM="),
    ("https://octodex.github.com/images/codercat.jpg#400x400,q40", "0sR2kjyfiF1RQRj4Jm2fFa3_6SDFqdAaDEmy1oD2U-4="),
]
# language: (file name, command before it)
COMMANDS = {
    "python": ("sign.py", [sys.executable]),
    "sh": ("sign.sh", ["sh"]),
    "go": ("sign.go", ["go", "run"]),
    "javascript": ("sign.js", ["node"]),
    "ruby": ("sign.rb", ["ruby"]),
    "php": ("sign.php", ["php"]),
}
SAMPLES = dict(re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL))


def test_every_language_has_its_sample():
    assert set(SAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("language", COMMANDS)
def test_the_sample_signs_as_the_original_does(language, tmp_path):
    name, command = COMMANDS[language]
    if language not in ("python", "sh") and not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed: the sample in {language} was not tried")
    (tmp_path / name).write_text(SAMPLES[language])
    for message, signature in SIGNATURES:
        run = subprocess.run(
            [*command, tmp_path / name, KEY, message], capture_output=True, text=True, timeout=120, check=True)
        # Padding is optional.
        assert run.stdout.strip().rstrip("=") == signature.rstrip("=")


def test_the_document_shows_what_the_program_prints(bin):
    shown = DOCUMENT.read_text()
    url = "https://octodex.github.com/images/codercat.jpg#q40,400"
    run = subprocess.run(
        [bin / "imageproxy", "sign", "-key", KEY, url], capture_output=True, text=True, timeout=20, check=True)
    assert all(f"    {line}\n" in shown for line in run.stdout.splitlines())
