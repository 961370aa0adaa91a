# SPDX-License-Identifier: Apache-2.0

import os
import pathlib
import sys

import pytest

# The origin, the client and the pictures of the system tests are used here, too.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "SystemTests"))


@pytest.fixture(scope="session")
def package():
    """The file of the package; `scripts/package --test` says which."""
    file = os.environ.get("IMAGEPROXY_PACKAGE")
    assert file, "set IMAGEPROXY_PACKAGE to the package, or run scripts/package --test"
    return pathlib.Path(file)
