"""Which way the arrows run: the rooms of the package and what they may know of each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "octoprint_obico"
FREE_ROOMS = ("server", "session", "diagnosis", "webcam", "printer")
FREE_FILES = (
    "__init__.py",
    "_version.py",
    "agent.py",
    "discovery_keeper.py",
    "event_keeper.py",
    "former_plugin.py",
    "host.py",
    "installation.py",
    "log_ring.py",
    "printer_keeper.py",
    "settings.py",
    "software_update.py",
    "trust_keeper.py",
)
# Who may know OctoPrint: the mixins, the adapter, the pages, and the hook of its command line, that
# reads OctoPrint's settings and webcams. What it runs then is diagnosis/cli.py, which is free.
HOSTED_FILES = ("plugin.py", "cli.py")
HOSTED_ROOMS = ("octoprint_host", "web")
HOSTS = {"octoprint", "flask", "flask_babel", "octoprint_client"}
MAY_KNOW = {
    "server": set[str](),
    "webcam": {"server"},
    "session": {"server"},
    "printer": {"server", "host"},
    "diagnosis": {"server", "webcam", "_version"},
}


def modules_of(path: Path, at_start_only: bool = False) -> Iterator[str]:
    """The absolute names of all modules that a file imports."""
    package = [*path.relative_to(ROOT).with_suffix("").parts[:-1]]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if not at_start_only else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield prefix
            yield from (f"{prefix}.{alias.name}" for alias in node.names)


def sources(*names: str) -> list[Path]:
    found = [path for name in names for path in sorted((PACKAGE / name).rglob("*.py"))]
    assert found
    return found


FREE = [*sources(*FREE_ROOMS), *(PACKAGE / name for name in FREE_FILES)]


@pytest.mark.parametrize("path", FREE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_octoprint_and_no_flask(path: Path) -> None:
    lazy = path.name == "__init__.py" and path.parent == PACKAGE
    roots = {module.partition(".")[0] for module in modules_of(path, at_start_only=lazy)}
    assert not roots & HOSTS


def test_every_other_file_is_free() -> None:
    hosted = {*sources(*HOSTED_ROOMS), *(PACKAGE / name for name in HOSTED_FILES)}
    assert set(sources("")) - hosted == set(FREE)


@pytest.mark.parametrize("room", MAY_KNOW)
def test_each_room_knows_only_the_rooms_below_it(room: str) -> None:
    for path in sources(room):
        for module in modules_of(path):
            if module.startswith("octoprint_obico."):
                other = module.split(".")[1]
                assert other in MAY_KNOW[room] | {room}, f"{path.name} imports {module}"


def test_only_the_agent_knows_all_rooms() -> None:
    for path in [*FREE, *sources("web")]:
        names = {module.split(".")[1] for module in modules_of(path) if "obico." in module}
        if path.name != "agent.py":
            assert "agent" not in names, f"{path} is handed the whole agent"
        assert "plugin" not in names or path == PACKAGE / "__init__.py", path


def test_no_module_is_too_long() -> None:
    """Longer ones have to be parted; the catalogue is a table of texts."""
    for path in sources(""):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines < 400 or path.name == "catalogue.py", f"{path.name}: {lines} lines"


def test_no_function_is_too_long() -> None:
    for path in sources(""):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or 0) - node.lineno
                text = ast.get_docstring(node, clean=False) or ""
                assert length - text.count("\n") < 45, f"{path.name}: {node.name}"


def test_nothing_sleeps_and_nothing_catches_all() -> None:
    for path in sources(""):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ExceptHandler) and node.type is None), path
            if isinstance(node, ast.Attribute) and node.attr == "sleep":
                raise AssertionError(f"{path}:{node.lineno} sleeps")


BLOCKED = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"octoprint", "flask", "flask_babel"}:
            raise ImportError(name + " is not here")
sys.meta_path.insert(0, Absent())
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKED + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_package_imports_without_octoprint() -> None:
    rooms = ", ".join(f"octoprint_obico.{room}" for room in FREE_ROOMS)
    done = run(f"import octoprint_obico, octoprint_obico.agent, {rooms}")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_diagnosis_runs_without_octoprint() -> None:
    code = """
import runpy
sys.argv = ["diagnosis", "--version"]
runpy.run_module("octoprint_obico.diagnosis", run_name="__main__")
"""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
