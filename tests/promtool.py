"""Prometheus' own programs, which check what is meant for Prometheus."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import NOT_TESTED_HERE

MONITORING = Path(__file__).resolve().parent.parent / "docs" / "monitoring"


def program(name: str) -> str:
    """The path of "promtool" or "prometheus"; where it is missing, the test is left out aloud."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/bin")
    if found is None:
        pytest.skip(f"{NOT_TESTED_HERE}: not installed: prometheus (sh tools/system_packages.sh)")
    return found


def promtool(*arguments: str, stdin: bytes = b"", cwd: Path = MONITORING) -> str:
    """Run promtool; what it said. Anything but success fails the test with that."""
    done = subprocess.run(
        [program("promtool"), *arguments], cwd=cwd, input=stdin, capture_output=True, timeout=60
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, said
    return said
