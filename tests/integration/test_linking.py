"""Linking with a 6-digit code through the plugin's route, as the settings and the wizard do it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import SandboxServer
from sandbox.octoprint_config import read_yaml
from sandbox.octoprint_instance import free_port
from tests.bench import Bench, Edition, running_bench
from tests.integration.driver import LINK, PluginDriver, drive


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench whose plugin has never been linked; the first test links it."""
    folder = tmp_path_factory.mktemp(edition.id)
    with running_bench(edition, folder, linked=False) as bench:
        yield bench


def stored(bench: Bench) -> dict[str, object]:
    """What config.yaml holds of the plugin."""
    settings: dict[str, object] = read_yaml(bench.octoprint.basedir / "config.yaml")["plugins"][
        "obico"
    ]
    return settings


def assert_refused(outcome: dict[str, object], cause: str) -> None:
    assert (outcome["ok"], outcome["cause"], outcome["printer"]) == (False, cause, None), outcome
    assert outcome["text"]


def test_not_linked_at_first(bench: Bench) -> None:
    """Without a token nothing connects, and everything says so. (Runs first.)"""
    driver = drive(bench)
    status = driver.status()
    assert (status["linked"], status["printer"]) == (False, None)
    assert (status["server"]["state"], status["server"]["cause"]) == ("not_linked", "not_linked")
    result = driver.diagnose()
    assert (result["verdict"], result["cause"]) == ("invalid_account_credentials", "not_linked")
    assert bench.server.connections == []


def test_code_links(bench: Bench) -> None:
    """A good code: stored at once, connected at once, named at once; no restart."""
    code = bench.server.new_code(bench.server.printer.id)
    driver = drive(bench)
    outcome = driver.link(f" {code[:3]} {code[3:]} ")
    printer = bench.server.printer
    assert outcome["ok"] is True
    assert outcome["printer"]["id"] == printer.id
    assert outcome["printer"]["url"] == f"{bench.server.url}/printers/{printer.id}/"
    assert bench.server.wait_for(lambda: bench.server.agent_connected)
    status = driver.wait_until_connected()
    assert status["linked"] is True
    assert status["printer"]["name"] == printer.name
    assert status["server"]["state"] == "okay"
    assert stored(bench)["auth_token"] == printer.token
    assert stored(bench)["endpoint_prefix"] == bench.server.url


def test_linking_again_replaces_the_token(bench: Bench) -> None:
    """A code for the same printer ends the old token; the plugin goes on with the new one."""
    driver = drive(bench)
    driver.wait_until_connected()
    old, before = bench.server.printer.token, len(bench.server.connections)
    assert driver.link(bench.server.new_code(bench.server.printer.id))["ok"] is True
    assert bench.server.printer.token != old
    assert bench.server.wait_for(lambda: len(bench.server.connections) > before)
    assert driver.wait_until_connected()["server"]["state"] == "okay"
    assert stored(bench)["auth_token"] == bench.server.printer.token


def test_other_printer_takes_its_place(bench: Bench) -> None:
    """A code for another printer: name and number are the other one's."""
    other = bench.server.add_printer("The Other One")
    driver = drive(bench)
    assert driver.link(bench.server.new_code(other.id))["printer"]["name"] == other.name
    status = driver.wait_until_connected()
    assert (status["printer"]["id"], status["printer"]["name"]) == (other.id, other.name)
    open_ones = [c.printer_id for c in bench.server.connections if c.is_open]
    assert open_ones == [other.id]
    assert driver.link(bench.server.new_code(bench.server.printer.id))["ok"] is True


def test_wrong_code_keeps_the_link(bench: Bench) -> None:
    """A code that the server does not know changes nothing."""
    driver = drive(bench)
    driver.wait_until_connected()
    token = stored(bench)["auth_token"]
    assert_refused(driver.link("000000"), "code_rejected")
    assert stored(bench)["auth_token"] == token
    assert driver.status()["linked"] is True


def test_used_code_is_refused(bench: Bench) -> None:
    """A code works once."""
    driver = drive(bench)
    code = bench.server.new_code(bench.server.printer.id)
    assert driver.link(code)["ok"] is True
    assert_refused(driver.link(code), "code_rejected")


SERVER_TROUBLE = {
    "unreachable": "connection_refused",
    "http_500": "server_error",
    "http_503": "server_unavailable",
    "verify_throttled": "throttled",
    "captive_portal": "captive_portal",
    "login_page": "captive_portal",
    "not_obico": "not_an_obico_server",
    "truncated_json": "invalid_response",
}


@pytest.mark.parametrize("fault", SERVER_TROUBLE)
def test_server_trouble_is_told_from_a_wrong_code(bench: Bench, fault: str) -> None:
    """What is wrong with the server is said as it is, and the link that is there stays."""
    bench.server.set_fault(fault)
    driver = drive(bench)
    outcome = driver.link(bench.server.new_code(bench.server.printer.id))
    assert_refused(outcome, SERVER_TROUBLE[fault])
    assert outcome["remedy"]
    assert stored(bench)["endpoint_prefix"] == bench.server.url


def test_other_addresses(bench: Bench) -> None:
    """An address given with the code: nobody there, and one that is none."""
    driver = drive(bench)
    nobody = f"http://127.0.0.1:{free_port()}"
    assert_refused(driver.link("123456", nobody), "connection_refused")
    assert_refused(driver.link("123456", "http://not a host"), "address_malformed")
    assert_refused(driver.link("123456", bench.webcam.url), "not_an_obico_server")
    assert stored(bench)["endpoint_prefix"] == bench.server.url


def test_second_linking_waits_for_the_first(bench: Bench) -> None:
    """Two at once would be a race for the token: the second caller gets 409."""
    bench.server.set_fault("silent")
    first = bench.api.post(LINK, json={"code": "123456"})
    second = bench.api.post(LINK, json={"code": "654321"})
    assert (first.status_code, second.status_code) == (202, 409)
    assert second.json()["error"]
    bench.server.clear()
    driver = drive(bench)
    bench.octoprint.wait_until(
        lambda: driver.get(LINK)["state"] == "finished", "the first has ended"
    )


def test_linking_to_another_server(bench: Bench) -> None:
    """The address that came with the code is kept with the token."""
    driver = drive(bench)
    with SandboxServer(printer_name="Elsewhere") as other:
        outcome = driver.link(other.new_code(other.printer.id), other.url)
        assert outcome["ok"] is True, outcome
        assert other.wait_for(lambda: other.agent_connected)
        assert stored(bench)["endpoint_prefix"] == other.url
        assert driver.status()["printer"]["name"] == "Elsewhere"
        assert bench.server.wait_for(lambda: not bench.server.agent_connected)
    back = driver.link(bench.server.new_code(bench.server.printer.id), bench.server.url)
    assert back["ok"] is True


def test_new_name_on_the_server_shows(bench: Bench) -> None:
    """The printer was renamed in the app: the plugin says the new name, and keeps it."""
    driver = drive(bench)
    assert driver.link(bench.server.new_code(bench.server.printer.id))["ok"] is True
    driver.wait_until_connected()
    bench.server.printer.name = "Renamed <b>Printer</b>"
    driver.diagnose()
    driver.wait_for_status(
        lambda s: s["printer"]["name"] == "Renamed <b>Printer</b>", "the new name shows"
    )
    assert stored(bench)["printer_name"] == "Renamed <b>Printer</b>"


def test_link_survives_a_restart(bench: Bench, tmp_path: Path) -> None:
    """What linking has stored is what the next start connects with. (Runs last.)"""
    before = len(bench.server.connections)
    bench.octoprint.restart()
    assert bench.server.wait_for(lambda: len(bench.server.connections) > before, 20.0)
    driver = PluginDriver(bench.octoprint, bench.api)
    assert driver.wait_until_connected()["printer"]["name"] == bench.server.printer.name
