"""OctoPrint's Software Update plugin takes this plugin's check, and finds releases by it.

It does so by itself, inside OctoPrint; only the address of the releases is one of the test's own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from octoprint_obico._version import __version__
from tests.bench import ROOT, Bench, Edition, add_plugin, running_bench

CHECK = "/plugin/obico_update_lab/check"
QUIET = ["announcements", "discovery", "errortracking", "tracking"]
PATH = "/repos/TheSpaghettiDetective/OctoPrint-Obico/releases"


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench with the Software Update plugin, that checks nothing by itself."""
    folder = tmp_path_factory.mktemp(edition.id)
    source = ROOT / "tests" / "integration" / "update_plugin.py"
    add_plugin(folder, "obico_update_lab", source.read_text("utf-8"))
    with running_bench(edition, folder, others=lambda server: {"_disabled": QUIET}) as bench:
        yield bench


class Releases:
    """What stands for GitHub: a server on loopback with these releases."""

    def __init__(self, releases: list[Mapping[str, Any]]) -> None:
        self.asked: list[str] = []
        body = json.dumps(releases).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805
                self.asked.append(handler.path)
                handler.send_response(200)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *args: Any) -> None:  # noqa: N805
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/repos/{{user}}/{{repo}}/releases"

    def __enter__(self) -> Releases:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def release(version: str, branch: str = "master", prerelease: bool = False) -> Mapping[str, Any]:
    """A release as GitHub describes it, as far as OctoPrint looks."""
    return {
        "name": f"Release {version}",
        "tag_name": version,
        "html_url": f"https://example.org/{version}",
        "draft": False,
        "prerelease": prerelease,
        "published_at": "2030-01-01T00:00:00Z",
        "target_commitish": branch,
    }


def check(bench: Bench, *releases: Mapping[str, Any], channel: str | None = None) -> Any:
    """What OctoPrint makes of these releases."""
    with Releases(list(releases)) as server:
        answer = bench.api.post(CHECK, json={"releases": server.url, "channel": channel})
        assert answer.status_code == 200, answer.text[:300]
        assert server.asked == [PATH]
    found = answer.json()
    assert found["error"] is None
    return found


def test_a_new_release_is_found_and_could_be_installed(bench: Bench) -> None:
    found = check(bench, release("2.6.1"), release(__version__), release("99.1.0"))
    assert (found["name"], found["available"], found["possible"]) == (
        "Obico for OctoPrint",
        True,
        True,
    )
    assert found["information"]["local"]["value"] == __version__
    assert found["information"]["remote"]["value"] == "99.1.0"


def test_the_installed_and_older_releases_are_no_update(bench: Bench) -> None:
    found = check(bench, release("2.6.1"), release(__version__))
    assert found["available"] is False


def test_a_release_candidate_is_for_who_has_chosen_so(bench: Bench) -> None:
    """The channel of release candidates is one of OctoPrint's, by its branch."""
    releases = (release(__version__), release("99.2.0rc1", "rc", True))
    assert check(bench, *releases)["available"] is False
    found = check(bench, *releases, channel="rc")
    assert found["available"] is True
    assert found["information"]["remote"]["value"] == "99.2.0rc1"


def test_octoprint_has_nothing_to_complain_of(bench: Bench) -> None:
    """Not of the entry, and not of whoever provides it. (Runs last.)"""
    lines = [
        line
        for line in bench.octoprint.log_text().splitlines()
        if "softwareupdate" in line and "obico" in line
    ]
    assert [line for line in lines if " - WARNING - " in line or " - ERROR - " in line] == []
