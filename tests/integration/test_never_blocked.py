"""OctoPrint is never blocked, whatever the server does; and a change takes effect within a second.

How fast events are handled is measured from outside, by a plugin of its own (observer_plugin.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from sandbox import SandboxServer, SandboxWebcam
from tests.bench import ROOT, Bench, Edition, add_plugin, running_bench
from tests.integration.driver import BASE, CERTIFICATE, PluginDriver, drive
from tests.servers.certificates import Certificates
from tests.servers.faults import FaultServer, silence

FIRE = "/plugin/obico_observer/fire"
PEEK = f"{BASE}/api/status?peek"

AT_ONCE_S = 1.0
WATCHED_PAUSE_S = 13.0
"""Longer than the pauses while somebody looks: from then on they are those of nobody."""
EVENTS = 20
EVENT_S = 0.25
"""For one event on its way through all plugins; a wait for the network would take seconds."""


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp(edition.id)
    source = ROOT / "tests" / "integration" / "observer_plugin.py"
    add_plugin(folder, "obico_observer", source.read_text("utf-8"))
    with running_bench(edition, folder) as bench:
        yield bench


@pytest.fixture
def driver(bench: Bench) -> Iterator[PluginDriver]:
    """The plugin, connected; afterwards its settings are the bench's again."""
    driver = drive(bench)
    driver.settle()
    yield driver
    bench.mend()
    token = bench.server.printer.token
    driver.save_settings(endpoint_prefix=bench.server.url, auth_token=token, tls_ca_file="")
    driver.settle()


def fire(bench: Bench, event: str, count: int = EVENTS, **payload: Any) -> list[float]:
    """Fire events on OctoPrint's bus; the seconds that each took all plugins."""
    body = {"event": event, "payload": payload, "count": count}
    answer = bench.api.post(FIRE, json=body, timeout=(3.05, 40.0))
    assert answer.status_code == 200, answer.text[:300]
    took: list[float] = answer.json()["seconds"]
    return took


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


@pytest.mark.parametrize("fault", ["silent", "ws_silent", "slow", "unreachable"])
def test_events_and_requests_wait_for_nothing(
    bench: Bench, driver: PluginDriver, fault: str
) -> None:
    """While both channels and a TEST wait for the server, and new settings replace them."""
    other = bench.server.add_printer("Other")
    bench.server.set_fault(fault)
    driver.save_settings(auth_token=other.token)
    driver.start_test()
    for event in ("PrintResumed", "PrinterStateChanged"):
        took = fire(bench, event, name="a.gcode")
        assert max(took) < EVENT_S, (event, took)
    assert seconds(lambda: fire(bench, "ConnectivityChanged", 1, old=False, new=True)) < AT_ONCE_S
    assert seconds(driver.status) < AT_ONCE_S
    assert seconds(driver.report) < AT_ONCE_S
    for token in (bench.server.printer.token, other.token):
        saved_s = seconds(partial(driver.save_settings, auth_token=token))
        assert saved_s < AT_ONCE_S


def test_accepting_a_certificate_waits_for_nothing(bench: Bench, driver: PluginDriver) -> None:
    """The server of which it is asked says nothing; every route answers meanwhile."""
    with FaultServer(silence) as server:
        url = f"https://127.0.0.1:{server.port}"
        assert seconds(lambda: driver.start_accepting("AB:" * 31 + "AB", url)) < AT_ONCE_S
        assert driver.get(CERTIFICATE)["state"] == "running"
        assert seconds(driver.status) < AT_ONCE_S
        assert max(fire(bench, "PrinterStateChanged")) < EVENT_S
        assert driver.get(CERTIFICATE)["state"] == "running", "it was waited for, then"
        assert driver.finished_accepting()["ok"] is False


def is_at(server: SandboxServer, printer_id: int) -> bool:
    """Whether this printer's socket is open, and no other's."""
    opened = [item.printer_id for item in server.connections if item.closed_at is None]
    return opened == [printer_id]


def test_a_new_address_takes_effect_within_a_second(bench: Bench, driver: PluginDriver) -> None:
    with SandboxServer() as other:
        other.printer.token = bench.server.printer.token
        driver.save_settings(endpoint_prefix=other.url)
        assert other.wait_for(lambda: other.agent_connected, AT_ONCE_S)
        assert bench.server.wait_for(lambda: not bench.server.agent_connected, AT_ONCE_S)


def test_a_new_token_takes_effect_within_a_second(bench: Bench, driver: PluginDriver) -> None:
    other = bench.server.add_printer("Other")
    assert is_at(bench.server, bench.server.printer.id)
    driver.save_settings(auth_token=other.token)
    assert bench.server.wait_for(lambda: is_at(bench.server, other.id), AT_ONCE_S)


def test_a_new_ca_file_takes_effect_within_a_second(
    bench: Bench, driver: PluginDriver, certificates: Certificates
) -> None:
    """Trusted, the server is connected; not trusted any more, that connection is closed."""
    with SandboxServer(ssl_context=certificates.good()) as server:
        server.printer.token = bench.server.printer.token
        driver.save_settings(endpoint_prefix=server.url.replace("127.0.0.1", "localhost"))
        driver.wait_for_status(lambda s: s["server"]["state"] == "disconnected", "it is refused")
        driver.save_settings(tls_ca_file=str(certificates.ca_file))
        assert server.wait_for(lambda: server.agent_connected, AT_ONCE_S)
        driver.save_settings(tls_ca_file="")
        assert server.wait_for(lambda: not server.agent_connected, AT_ONCE_S)


def test_a_new_webcam_takes_effect_within_a_second(bench: Bench, driver: PluginDriver) -> None:
    """Nobody looks and nothing prints: all the same its row tells of the new one."""

    def set_snapshot(url: str) -> None:
        body = {"plugins": {"classicwebcam": {"snapshot": url}}}
        assert bench.api.post("/api/settings", json=body).status_code == 200

    def row() -> str:
        return str(driver.get(PEEK)["webcams"][0]["state"])

    driver.wait_for_status(lambda s: s["webcams"][0]["state"] == "okay", "the webcam is okay")
    with SandboxWebcam() as other:
        other.set_fault("not_found")
        set_snapshot(other.snapshot_url)
        bench.octoprint.wait_until(lambda: row() == "error", "the new one fails", AT_ONCE_S)
        set_snapshot(bench.webcam.snapshot_url)
        bench.octoprint.wait_until(lambda: row() == "okay", "the old one is back", AT_ONCE_S)


def test_octoprints_word_that_the_network_is_back_ends_the_pause(
    bench: Bench, driver: PluginDriver
) -> None:
    """A refused token is tried again after minutes only, once nobody looks any more."""
    bench.server.set_fault("revoked")
    bench.server.kick()

    def waits() -> bool:
        is_quiet = time.time() - bench.server.requests[-1].at > WATCHED_PAUSE_S
        return is_quiet and driver.get(PEEK)["channels"]["http"]["state"] == "failing"

    bench.octoprint.wait_until(waits, "both channels wait for long", 90.0)
    assert not bench.server.agent_connected
    bench.server.clear()
    assert not bench.server.wait_for(lambda: bench.server.agent_connected, AT_ONCE_S)
    fire(bench, "ConnectivityChanged", 1, old=True, new=False)
    assert not bench.server.wait_for(lambda: bench.server.agent_connected, AT_ONCE_S)
    fire(bench, "ConnectivityChanged", 1, old=False, new=True)
    assert bench.server.wait_for(lambda: bench.server.agent_connected, AT_ONCE_S)
    bench.octoprint.wait_until(
        lambda: driver.get(PEEK)["channels"]["http"]["state"] == "okay", "HTTP works again", 5.0
    )
