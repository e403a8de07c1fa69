"""What is in memory only once somebody needs it: most printers are small computers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sandbox import SandboxServer

LIMIT_S = 60.0
"""To import OctoPrint on a busy machine."""

ROOT = Path(__file__).resolve().parent.parent.parent

LAZY_PACKAGES = {"PIL", "asn1crypto", "prometheus_client"}
LAZY_ROOMS = {"octoprint_obico.cli", "octoprint_obico.diagnosis", "octoprint_obico.web"}
LAZY = {
    "octoprint_obico.printer.cloud_file",
    "octoprint_obico.server.file_client",
    "octoprint_obico.server.certificate",
    "octoprint_obico.server.discovery",
    "octoprint_obico.server.outbox_file",  # and with it SQLite
    "octoprint_obico.server.own_address",
    "octoprint_obico.server.scrub",
    "octoprint_obico.server.socks",
    "octoprint_obico.session.bundle",
    "octoprint_obico.session.periodic",
    "octoprint_obico.session.report",
    "octoprint_obico.webcam.scale",
}
EAGER = {
    "octoprint_obico.diagnosis",
    "octoprint_obico.diagnosis.job",
    "octoprint_obico.web",
    "octoprint_obico.web.blueprint",
    "octoprint_obico.web.doors",
    "octoprint_obico.web.health",
    "octoprint_obico.web.permissions",
    "octoprint_obico.web.views",
}
"""What of the lazy rooms stands at the door."""

LOADED_PLUGIN = """
import json, sys
import octoprint.plugin, octoprint.server.util.flask, octoprint.access.permissions
before = set(sys.modules)
import octoprint_obico
octoprint_obico.__plugin_load__()
print(json.dumps(sorted(set(sys.modules) - before)))
"""

IDLE_AGENT = """
import json, sys
from pathlib import Path
from octoprint_obico.agent import Agent
url, token, folder = sys.argv[1:]
from tests.servers.hosts import FakeHost
host = FakeHost(url, token)
agent = Agent(host, "3.0.0", outbox_file=Path(folder) / "outbox.sqlite")
agent.start()
host.wait_for(lambda: agent.status().server.reason == "up")
print(json.dumps(sorted(sys.modules)))
agent.stop()
"""


def modules(code: str, *arguments: str) -> set[str]:
    """What a fresh Python has imported in the end, as it tells."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def too_early(found: set[str]) -> set[str]:
    """Those of the modules that should not be there yet."""
    lazy = {name for name in found if name.partition(".")[0] in LAZY_PACKAGES}
    lazy |= {name for name in found if ".".join(name.split(".")[:2]) in LAZY_ROOMS}
    return (lazy | (found & LAZY)) - EAGER


def test_a_loaded_plugin_has_neither_diagnosis_nor_pages() -> None:
    found = modules(LOADED_PLUGIN)
    assert "octoprint_obico.web.views" in found  # or nothing was measured
    assert too_early(found) == set()


def test_an_idle_linked_agent_has_neither_diagnosis_nor_pages(tmp_path: Path) -> None:
    with SandboxServer() as server:
        found = modules(IDLE_AGENT, server.url, server.printer.token, str(tmp_path))
    assert "octoprint_obico.server.link" in found
    assert too_early(found) == set()


def test_a_status_in_words_needs_no_checks() -> None:
    found = modules(LOADED_PLUGIN.replace("print(", "import octoprint_obico.web.api; print("))
    assert "octoprint_obico.web.render" in found
    names = {name for name in found if name.startswith("octoprint_obico.diagnosis.")}
    words = {"catalogue", "job", "result", "texts"}
    assert {name.rpartition(".")[2] for name in names} == words
    assert not {name for name in found if name.partition(".")[0] in LAZY_PACKAGES}


def test_all_that_is_lazy_exists() -> None:
    """A module that was renamed must not leave a test that cannot fail."""
    names = LAZY | LAZY_ROOMS | EAGER
    paths = [ROOT.joinpath(*name.split(".")) for name in names]
    assert all(path.is_dir() or path.with_suffix(".py").is_file() for path in paths)
