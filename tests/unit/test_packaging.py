"""The wheel and the source archives: what is in them, and that they install."""

from __future__ import annotations

import ast
import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from importlib.metadata import Distribution, PathDistribution
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

#: What a checkout holds beside the sources; a source archive of the repository has none of it.
NOT_SOURCES = shutil.ignore_patterns(
    ".git", ".venv*", ".sandbox", "*_cache", "__pycache__", "*.egg-info", "build", "dist",
    ".hypothesis", "test-results",
)  # fmt: skip
BUNDLED_FOLDERS = ("static", "templates", "translations")
BUILD_LIMIT_S = 110.0


@pytest.fixture(scope="module")
def source_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources without git, as the archive of a release is."""
    tree = tmp_path_factory.mktemp("sources") / "OctoPrint-Obico-main"
    shutil.copytree(ROOT, tree, ignore=NOT_SOURCES)
    return tree


@pytest.fixture(scope="module")
def built(source_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source archive, and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    # The backend is installed: without isolation nothing is downloaded.
    run("-m", "build", "--no-isolation", "--outdir", str(out), str(source_tree))
    return out


@pytest.fixture(scope="module")
def wheel_names(built: Path) -> set[str]:
    """The paths in the wheel."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        return set(wheel.namelist())


@pytest.fixture(scope="module")
def sdist_names(built: Path) -> set[str]:
    """The paths in the source archive, below its only folder."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def run(*arguments: str) -> None:
    """Run this Python; fail with what it said."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=BUILD_LIMIT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr


def written_version() -> str:
    """The version that stands in the package, read without importing it."""
    module = ast.parse((ROOT / "octoprint_obico" / "_version.py").read_text("utf-8"))
    values = [ast.literal_eval(node.value) for node in module.body if isinstance(node, ast.Assign)]
    assert len(values) == 1
    return str(values[0])


def package_files() -> set[str]:
    """The paths of all that the installed plugin needs, relative to the project."""
    package = ROOT / "octoprint_obico"
    wanted = list(package.rglob("*.py"))
    for folder in BUNDLED_FOLDERS:
        wanted += [path for path in (package / folder).rglob("*") if path.is_file()]
    return {path.relative_to(ROOT).as_posix() for path in wanted if path.suffix != ".pyc"}


def metadata(built: Path) -> Message:
    """The wheel's metadata."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(name))


def test_wheel_holds_the_plugin_whole(wheel_names: set[str]) -> None:
    """Every module, template, script, style and catalogue of the package is in the wheel."""
    assert package_files() - wheel_names == set()


def test_wheel_holds_nothing_else(wheel_names: set[str]) -> None:
    """The sandbox and the tests stay out of it."""
    tops = {name.partition("/")[0] for name in wheel_names}
    assert tops == {"octoprint_obico", f"octoprint_obico-{written_version()}.dist-info"}
    assert not [name for name in wheel_names if name.endswith(".pyc")]


def test_source_archive_holds_plugin_and_workshop(sdist_names: set[str]) -> None:
    """The source archive has the plugin and what it takes to work on it."""
    assert package_files() - sdist_names == set()
    workshop = {"Makefile", "setup.py", "pyproject.toml", "tools/make_venv.py", ".ci/run"}
    assert workshop - sdist_names == set()
    assert "tests/unit/test_packaging.py" in sdist_names
    assert "sandbox/serve.py" in sdist_names


def test_metadata_replace_the_plugin_of_today(built: Path) -> None:
    """Name and version make pip upgrade the plugin with the id ``obico`` in place."""
    found = metadata(built)
    assert found["Name"] == "OctoPrint-Obico"
    assert found["Version"] == written_version()
    assert found["Requires-Python"] == ">=3.9"
    # the field is named so since metadata 2.4, else so
    assert "AGPL-3.0-or-later" in (found["License-Expression"], found["License"])


def test_requirements_leave_octoprint_its_choice(built: Path) -> None:
    """OctoPrint is not required, and nothing has an upper bound or is pinned."""
    # without the marker, which may say for which Python
    requirements = [
        requirement.partition(";")[0]
        for requirement in metadata(built).get_all("Requires-Dist", [])
        if "extra ==" not in requirement
    ]
    names = {re.split(r"[\s!<>=~]", requirement)[0] for requirement in requirements}
    assert names == {
        "asn1crypto",
        "certifi",
        "prometheus-client",
        "requests",
        "sarge",
        "urllib3",
        "websocket-client",
    }
    assert not [each for each in requirements if "<" in each or "==" in each or "~=" in each]


def test_nothing_is_imported_that_only_the_tests_require() -> None:
    """The tests' environment has it, a user's has not."""
    roots = set()
    for path in (ROOT / "octoprint_obico").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                roots.add(node.module.partition(".")[0])
    required = {"asn1crypto", "certifi", "prometheus_client", "requests", "sarge", "urllib3"}
    with_octoprint = {"babel", "click", "flask", "flask_babel", "octoprint"}
    optional = {"PIL"}  # used where it is; tests/unit/test_scale.py takes it away
    installed = {root for root in roots if "site-packages" in str(find_spec(root))}
    assert installed == required | {"websocket"} | with_octoprint | optional


def test_archive_of_the_repository_installs(source_tree: Path, tmp_path: Path) -> None:
    """``pip install`` of a zip of the sources, as OctoPrint's plugin manager does it."""
    archive = shutil.make_archive(
        str(tmp_path / "main"), "zip", source_tree.parent, source_tree.name
    )
    target = tmp_path / "installed"
    # Requirements are OctoPrint's already and the backend is here: nothing is downloaded.
    offline = ("--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir")
    run("-m", "pip", "install", "--quiet", *offline, "--target", str(target), archive)
    installed = installed_distribution(target)
    entries = [
        (entry.name, entry.value)
        for entry in installed.entry_points
        if entry.group == "octoprint.plugin"
    ]
    assert entries == [("obico", "octoprint_obico")]
    missing = [path for path in package_files() if not (target / path).is_file()]
    assert missing == []


def installed_distribution(target: Path) -> Distribution:
    """The one distribution that pip has put into this folder."""
    folders = list(target.glob("*.dist-info"))
    assert len(folders) == 1
    return PathDistribution(folders[0])
