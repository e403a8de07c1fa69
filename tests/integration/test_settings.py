"""The plugin's settings: taken at once, secret where they are secret, kept where they are old."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import SandboxServer
from sandbox.octoprint_config import read_yaml
from tests.bench import Bench, Edition, running_bench
from tests.integration.driver import drive

#: A change of the server takes effect within this time.
AT_ONCE_S = 2.0

#: What the plugin of today leaves in config.yaml beside address and token; values of its own kinds.
OLD_KEYS: dict[str, Any] = {
    "disable_video_streaming": True,
    "sentry_opt": "out",
    "pi_cam_resolution": "medium",
    "video_streaming_compatible_mode": "auto",
    "tsd_config": {"nested": [1, 2]},
}


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench whose configuration was left by the plugin of today."""
    folder = tmp_path_factory.mktemp(edition.id)
    with running_bench(edition, folder, **OLD_KEYS) as bench:
        yield bench


def stored(bench: Bench) -> dict[str, Any]:
    settings: dict[str, Any] = read_yaml(bench.octoprint.basedir / "config.yaml")["plugins"][
        "obico"
    ]
    return settings


def shown(bench: Bench, user: str = "admin") -> dict[str, Any]:
    """The plugin's settings as OctoPrint shows them to a user."""
    session = bench.octoprint.session(getattr(bench.octoprint, user))
    settings: dict[str, Any] = session.get("/api/settings").json()["plugins"]["obico"]
    return settings


def test_todays_configuration_starts_linked(bench: Bench) -> None:
    """An update needs no linking: address and token are taken as they are, unknown keys stay."""
    status = drive(bench).wait_until_connected()
    assert status["linked"] is True
    # the old plugin knew no name: the server tells it, and it is stored a moment later
    name = bench.server.printer.name
    drive(bench).wait_for_status(lambda now: now["printer"]["name"] == name, "the name", 20.0)
    kept = stored(bench)
    assert {key: kept.get(key) for key in OLD_KEYS} == OLD_KEYS
    assert kept["auth_token"] == bench.server.printer.token


@pytest.mark.parametrize("user", ["admin", "operator", "reader"])
def test_token_is_shown_to_nobody(bench: Bench, user: str) -> None:
    """Not even to the administrator."""
    assert shown(bench, user).get("auth_token") is None
    session = bench.octoprint.session(getattr(bench.octoprint, user))
    assert bench.server.printer.token not in session.get("/api/settings").text


def test_address_is_shown_to_administrators_only(bench: Bench) -> None:
    """It may hold user and password of a reverse proxy."""
    assert shown(bench)["endpoint_prefix"] == bench.server.url
    for user in ("operator", "reader"):
        assert not shown(bench, user).get("endpoint_prefix")


def test_posting_all_back_changes_nothing(bench: Bench) -> None:
    """The dialog posts what it was shown, without a token: nothing reconnects."""
    driver = drive(bench)
    driver.wait_until_connected()
    before, connections = stored(bench), len(bench.server.connections)
    seen = shown(bench)
    driver.save_settings(**{**seen, "auth_token": None})
    driver.save_settings(auth_token="")
    driver.save_settings(printer_id=999, printer_name="Somebody Else's")
    assert stored(bench) == before
    assert driver.wait_until_connected()["printer"]["name"] == bench.server.printer.name
    assert len(bench.server.connections) == connections


def test_new_address_is_used_at_once(bench: Bench) -> None:
    """The old connection closes, the new server is connected, without a restart."""
    driver = drive(bench)
    driver.wait_until_connected()
    with SandboxServer(printer_name="Moved") as other:
        other.printer.token = bench.server.printer.token
        driver.save_settings(endpoint_prefix=f"  {other.url}/ ")
        assert other.wait_for(lambda: other.agent_connected, AT_ONCE_S)
        assert bench.server.wait_for(lambda: not bench.server.agent_connected, AT_ONCE_S)
        assert driver.wait_until_connected()["server"]["state"] == "okay"
        driver.wait_for_status(lambda s: s["printer"]["name"] == "Moved", "the name there shows")
        assert driver.diagnose()["server"] == other.url
        driver.save_settings(endpoint_prefix=bench.server.url)
        assert bench.server.wait_for(lambda: bench.server.agent_connected, AT_ONCE_S)
        assert other.wait_for(lambda: not other.agent_connected, AT_ONCE_S)


def test_server_that_does_not_know_the_token(bench: Bench) -> None:
    """The token goes with the old server: the new one says so, and back all is well again."""
    driver = drive(bench)
    driver.wait_until_connected()
    with SandboxServer() as other:
        driver.save_settings(endpoint_prefix=other.url)
        driver.wait_for_status(
            lambda s: s["server"]["cause"] == "credentials_invalid", "the token is not known"
        )
        result = driver.diagnose()
        assert result["verdict"] == "invalid_account_credentials"
        assert result["cause"] == "credentials_invalid"
        driver.save_settings(endpoint_prefix=bench.server.url)
    status = driver.wait_until_connected()
    # what went wrong elsewhere is no error of this server
    assert status["server"]["state"] == "okay", status["server"]


@pytest.mark.parametrize(
    ("address", "cause"),
    [("", "address_missing"), ("http://no host", "address_malformed")],
    ids=["empty", "malformed"],
)
def test_unusable_address_is_said(bench: Bench, address: str, cause: str) -> None:
    """Nothing connects, the status and TEST say why, and the right address mends it."""
    driver = drive(bench)
    driver.wait_until_connected()
    driver.save_settings(endpoint_prefix=address)
    status = driver.wait_for_status(lambda s: s["server"]["cause"] == cause, cause)
    assert status["server"]["state"] == "disconnected"
    assert driver.diagnose()["cause"] == cause
    assert bench.server.wait_for(lambda: not bench.server.agent_connected, AT_ONCE_S)
    driver.save_settings(endpoint_prefix=bench.server.url)
    assert driver.wait_until_connected()["server"]["state"] == "okay"


def test_given_token_is_taken(bench: Bench) -> None:
    """Automation may set a token; it is stored and used, and still shown to nobody."""
    other = bench.server.add_printer("By Automation")
    driver = drive(bench)
    answer = driver.save_settings(auth_token=other.token)
    assert other.token not in str(answer)
    status = driver.wait_for_status(
        lambda s: bool(s["printer"]) and s["printer"]["name"] == other.name, "the other printer"
    )
    assert status["printer"]["id"] == other.id
    assert stored(bench)["auth_token"] == other.token
    driver.save_settings(auth_token=bench.server.printer.token)
    driver.wait_until_connected()


def test_others_may_not_save(bench: Bench) -> None:
    """Only who has OctoPrint's SETTINGS permission changes them."""
    for user in (bench.octoprint.operator, bench.octoprint.reader):
        body = {"plugins": {"obico": {"endpoint_prefix": "https://evil.example"}}}
        assert bench.octoprint.session(user).post("/api/settings", json=body).status_code == 403
    assert stored(bench)["endpoint_prefix"] == bench.server.url


def test_unknown_keys_are_still_there(bench: Bench) -> None:
    """After all that saving. (Runs last.)"""
    kept = stored(bench)
    assert {key: kept.get(key) for key in OLD_KEYS} == OLD_KEYS
