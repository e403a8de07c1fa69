"""Trouble that matters, told by the status and by OctoPrint's Health Check, and that it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.octoprint_config import QUIETED_PLUGINS
from tests.bench import Bench, Edition, running_bench
from tests.integration.driver import (
    JSONObject,
    PluginDriver,
    drive,
    is_utc_time,
    let_viewer_come,
    print_file,
)

#: Trouble matters after so long on this bench, instead of a minute.
SOON_S = 1
#: The plugin looks every 5 s; a channel that waits tries again within seconds.
TOLD_LIMIT_S = 30.0
KEYS = ("obico_http", "obico_websocket", "obico_webcam", "obico_plugin")
PRINT = "M104 S60\nG28\n" + "G4 P200\nG1 X10\n" * 600


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench on which trouble matters soon."""
    folder = tmp_path_factory.mktemp(edition.id)
    with running_bench(edition, folder, alert_after_s=SOON_S) as bench:
        yield bench


@pytest.fixture(autouse=True)
def all_is_well(bench: Bench) -> Iterator[None]:
    """Each test begins linked afresh, which forgets what was wrong before."""
    drive(bench).save_settings(alert_after_s=SOON_S)
    link_afresh(bench)
    wait_for_health(bench, lambda h: not in_trouble(h))
    yield
    bench.api.post("/api/job", json={"command": "cancel"})
    bench.octoprint.wait_for_printer()


def link_afresh(bench: Bench) -> None:
    driver = drive(bench)
    printer = bench.server.printer
    assert driver.link(bench.server.new_code(printer.id), bench.server.url)["ok"]
    driver.wait_for_status(lambda s: s["server"]["state"] == "okay", "all is Okay")


def health(bench: Bench) -> JSONObject:
    answer = bench.api.get("/api/plugin/health_check")
    assert answer.status_code == 200, answer.text[:300]
    items: JSONObject = answer.json()["health"]
    return items


def in_trouble(items: JSONObject) -> set[str]:
    """The plugin's checks that are not okay."""
    return {key for key in KEYS if items[key]["result"] != "ok"}


def wait_for_health(bench: Bench, condition: Callable[[JSONObject], bool]) -> JSONObject:
    bench.octoprint.wait_until(lambda: condition(health(bench)), "the health is so", TOLD_LIMIT_S)
    return health(bench)


def wait_for_alert(driver: PluginDriver, condition: Callable[[Any], bool]) -> Any:
    return driver.wait_for_status(
        lambda s: bool(s["alert"] and condition(s["alert"])), "the alert is so", TOLD_LIMIT_S
    )["alert"]


def test_webcam_is_told_of_during_a_print(bench: Bench) -> None:
    """Not before it; then by alert and health, until it gives pictures again.

    (Runs first on its bench: for a while after an outage its end is shown instead.)
    """
    driver = drive(bench)
    bench.webcam.set_fault("unreachable")
    for _ in range(3):
        let_viewer_come(bench.server)
    driver.wait_for_status(lambda s: s["webcams"][0]["state"] == "error", "the webcam's error")
    assert "obico_webcam" not in in_trouble(health(bench))
    print_file(bench, "small.gcode", PRINT)
    bench.server.set_remote_status(should_watch=True)
    alert = wait_for_alert(driver, lambda alert: alert["kind"] == "webcam")
    assert alert["over"] is False
    name = driver.status()["webcams"][0]["name"]
    assert name in alert["title"]
    items = wait_for_health(bench, lambda h: "obico_webcam" in in_trouble(h))
    (item,) = items["obico_webcam"]["context"]["items"]
    assert item["channel"] == f"webcam:{name}"
    bench.webcam.clear()
    let_viewer_come(bench.server)
    wait_for_alert(driver, lambda alert: alert["kind"] == "webcam" and alert["over"])
    wait_for_health(bench, lambda h: not in_trouble(h))


def test_alert_of_the_server_and_its_end(bench: Bench) -> None:
    """It has an id, words and the moment; the end has the same id. Nobody has to look for it."""
    driver = drive(bench)
    assert driver.status()["alert"] is None or driver.status()["alert"]["over"]
    bench.server.set_fault("unreachable")
    alert = wait_for_alert(driver, lambda alert: not alert["over"])
    assert (alert["kind"], alert["cause"]) == ("server", "connection_refused")
    assert is_utc_time(alert["since"])
    assert "Obico" in alert["title"]
    assert "refuses connections" in alert["text"]
    bench.server.clear()
    link_afresh(bench)
    over = wait_for_alert(driver, lambda alert: alert["over"])
    assert (over["id"], over["kind"]) == (alert["id"], "server")
    assert "lasted" in over["text"]


def test_glitch_is_not_told(bench: Bench) -> None:
    """A connection that is soon back matters to nobody, in no place."""
    driver = drive(bench)
    driver.save_settings(alert_after_s=60)
    before = driver.status()["alert"]
    bench.server.kick()
    driver.wait_for_status(lambda s: s["server"]["state"] != "okay", "it is noticed")
    driver.wait_until_connected()
    assert driver.status()["alert"] in (before, None)
    assert not in_trouble(health(bench))


def refused(items: dict[str, Any]) -> list[str]:
    """The items in trouble whose cause is that nothing listens."""
    return [key for key in in_trouble(items) if cause_of(items[key]) == "connection_refused"]


def cause_of(item: dict[str, Any]) -> str:
    return str(item["context"]["items"][0]["cause"])


def test_health_items_come_stay_the_same_and_go(bench: Bench) -> None:
    """An item for each channel; its hash, by which it is marked as read, does not change."""
    bench.server.set_fault("unreachable")
    let_viewer_come(bench.server)
    driver = drive(bench)
    # the WebSocket's first trouble is that it was dropped, until it has tried again
    items = wait_for_health(bench, lambda h: set(refused(h)) >= {"obico_http", "obico_websocket"})
    (item,) = items["obico_http"]["context"]["items"]
    assert items["obico_http"]["result"] == "warning"
    assert item["cause"] == "connection_refused"
    assert item["title"] == "Connection refused"
    assert item["remedy"]
    errors = driver.report()["server"]["errors"]
    bench.octoprint.wait_until(
        lambda: driver.report()["server"]["errors"] > errors, "it has failed again", TOLD_LIMIT_S
    )
    for key in ("obico_http", "obico_websocket"):
        assert health(bench)[key] == items[key]
    bench.server.clear()
    link_afresh(bench)
    wait_for_health(bench, lambda h: not in_trouble(h))


def test_what_no_waiting_mends_is_an_issue_at_once(bench: Bench) -> None:
    driver = drive(bench)
    driver.save_settings(alert_after_s=86_400)
    bench.server.set_fault("revoked")
    let_viewer_come(bench.server)
    wait_for_alert(driver, lambda alert: alert["cause"] == "credentials_invalid")
    items = wait_for_health(bench, lambda h: "obico_http" in in_trouble(h))
    assert items["obico_http"]["result"] == "issue"


def test_without_the_health_check_all_else_works(bench: Bench) -> None:
    """Switched off, it asks for no checks. (Runs last on its bench, which it restarts.)"""
    disabled: Any = [*QUIETED_PLUGINS, "health_check"]
    bench.octoprint.plugins_config["_disabled"] = disabled
    bench.octoprint.restart()
    driver = drive(bench)
    assert bench.api.get("/api/plugin/health_check").status_code == 404
    link_afresh(bench)  # the stored token is that of the first start
    bench.server.set_fault("unreachable")
    wait_for_alert(driver, lambda alert: alert["cause"] == "connection_refused")
    assert "Unexpected error while looking" not in bench.octoprint.log_text()
