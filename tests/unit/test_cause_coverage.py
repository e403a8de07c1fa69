"""Every cause of the catalogue has a test that provokes it by a real fault."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from octoprint_obico.diagnosis.catalogue import CATALOGUE
from tests.provoked import LISTING

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("servers", "netns", "integration")


@pytest.fixture(scope="module")
def provoked() -> dict[str, list[str]]:
    """The tests that are marked with each cause; that they keep their word is proved as they run
    (tests/provoked.py)."""
    folders = [f"tests/{name}" for name in FOLDERS if (ROOT / "tests" / name).is_dir()]
    options = ("--collect-only", "-q", "-p", "tests.provoked", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(LISTING)]
    assert (done.returncode, len(lines)) == (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, list[str]] = json.loads(lines[0][len(LISTING) :])
    return found


def test_no_cause_is_without_a_test_that_provokes_it(provoked: dict[str, list[str]]) -> None:
    missing = [cause.value for cause in CATALOGUE if cause.value not in provoked]
    assert missing == [], "mark a test of a real fault with @pytest.mark.provokes"


def test_only_causes_of_the_catalogue_are_provoked(provoked: dict[str, list[str]]) -> None:
    assert set(provoked) <= {cause.value for cause in CATALOGUE}


def test_a_test_that_does_not_keep_its_word_fails(tmp_path: Path) -> None:
    """The mark alone proves nothing."""
    test = tmp_path / "test_promise.py"
    test.write_text(
        "import pytest\n"
        "from tests import provoked\n"
        "ROOT = {'cause': 'throttled', 'warnings': [], 'webcams': []}\n"
        "@pytest.mark.provokes('throttled')\n"
        "def test_kept(): provoked.witness(ROOT)\n"
        "@pytest.mark.provokes('server_error')\n"
        "def test_broken(): provoked.witness(ROOT)\n"
        "@pytest.mark.provokes('throttled')\n"
        "def test_idle(): pass\n"
        "def test_unmarked(): provoked.witness(ROOT)\n",
        encoding="utf-8",
    )
    options = ("-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(ROOT))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", str(ROOT / "pyproject.toml"), str(test)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "no result has named: ['server_error']" in done.stdout
