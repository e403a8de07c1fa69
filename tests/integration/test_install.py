"""The plugin installs as users install it: an archive handed to OctoPrint's plugin manager."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import SandboxServer
from sandbox.octoprint_instance import OctoPrintInstance
from tests.bench import ROOT, Edition

#: What a checkout holds beside the sources; the archive of a release has none of it.
NOT_SOURCES = shutil.ignore_patterns(
    ".git", ".venv*", ".sandbox", "*_cache", "__pycache__", "*.egg-info", "build", "dist",
    ".hypothesis", "test-results",
)  # fmt: skip
INSTALL_LIMIT_S = 110.0


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel, and the sources as a zip."""
    out = tmp_path_factory.mktemp("archives")
    tree = out / "OctoPrint-Obico-main"
    shutil.copytree(ROOT, tree, ignore=NOT_SOURCES)
    zipped = shutil.make_archive(str(out / "OctoPrint-Obico-main"), "zip", out, tree.name)
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(tree))
    subprocess.run([sys.executable, *build], check=True, capture_output=True, timeout=100)
    return {"wheel": next(out.glob("*.whl")), "source zip": Path(zipped)}


def plain_octoprint(edition: Edition, folder: Path) -> Path:
    """The interpreter of an environment with this OctoPrint and without our plugin.

    A path file lends it what the tests' environment has. Path files in there are not read, so the
    editable plugin is not lent.
    """
    subprocess.run([str(edition.python()), "-m", "venv", str(folder)], check=True, timeout=100)
    python = folder / "bin" / "python"
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own, lent = (
        subprocess.run(
            [str(each), "-c", show], check=True, capture_output=True, text=True, timeout=30
        ).stdout.strip()
        for each in (python, edition.python())
    )
    Path(own, "lent.pth").write_text(lent + "\n", encoding="utf-8")
    return python


@pytest.mark.parametrize("kind", ["wheel", "source zip"])
def test_plugin_manager_installs_it(
    edition: Edition, kind: str, archives: dict[str, Path], tmp_path: Path
) -> None:
    """The plugin manager installs the archive; after a restart the plugin links and connects."""
    python = plain_octoprint(edition, tmp_path / "environment")
    with SandboxServer() as server:
        settings = {"endpoint_prefix": server.url, "auth_token": server.printer.token}
        octoprint = OctoPrintInstance(
            python, tmp_path / "octoprint", plugins_config={"obico": settings}
        )
        with octoprint:
            api = octoprint.session()
            assert api.get("/plugin/obico/api/status").status_code == 404
            archive = archives[kind]
            with archive.open("rb") as content:
                files = {"file": (archive.name, content)}
                api.post("/plugin/pluginmanager/upload_file", files=files).raise_for_status()
            octoprint.wait_until(
                lambda: "was installed successfully" in octoprint.log_text(),
                "the plugin manager to have installed the plugin",
                INSTALL_LIMIT_S,
            )
            assert list((tmp_path / "environment").rglob("octoprint_obico/plugin.py"))
            octoprint.restart()
            api = octoprint.session()
            octoprint.wait_until(
                lambda: connected(octoprint), "the installed plugin to be connected"
            )
            status = api.get("/plugin/obico/api/status").json()
            assert status["server"]["state"] == "okay"
            report = api.get("/plugin/obico/report")
            assert report.status_code == 200  # its template came with the archive
            assert "Obico diagnostic report" in report.text


def connected(octoprint: OctoPrintInstance) -> bool:
    """Whether both channels are up."""
    answer = octoprint.session().get("/plugin/obico/api/status")
    return answer.ok and answer.json()["server"]["state"] == "okay"
