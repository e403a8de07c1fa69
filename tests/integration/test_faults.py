"""Each fault of the sandbox: what TEST and the status say of it, and that all heals by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pytest

from sandbox.faults import SERVER_FAULTS, WEBCAM_FAULTS, Fault
from sandbox.records import ConnectionRecord
from tests.bench import EDITIONS, Bench, Edition
from tests.integration.driver import PluginDriver, drive, is_connected, let_viewer_come
from tests.integration.fault_lab import Body, FaultLab

#: What the row "Connection to server" says; all others are Disconnected.
STATES: Mapping[str, tuple[str, ...]] = {
    "verify_throttled": ("okay",),
    "slow": ("okay",),
    "http_500": ("error",),
    "http_429": ("error",),
    "revoked": ("error",),
    "archived": ("error",),
    # the socket is closed at the next status only
    "deleted": ("error", "disconnected"),
    "truncated_json": ("error",),
}

#: These take a moment of the connection's life to show; TEST is pressed when they have.
STATUS_FIRST = frozenset({"ws_dropped", "copied_token"})

#: After these the plugin is slow to try again, on purpose: TEST is what wakes it.
PATIENT = frozenset({"http_429", "copied_token"})

#: A connection is noticed to be frozen after 13 s, an answer to be missing after 10 s.
STATUS_LIMIT_S = 25.0
#: The longest pause between attempts while somebody looks is 6 s, and one attempt may hang.
HEAL_LIMIT_S = 20.0
#: The webcam is looked at every 10 s while somebody looks at the status.
WEBCAM_LIMIT_S = 20.0


def freshly_linked(bench: Bench) -> PluginDriver:
    """Link again, which forgets what was wrong with the former connection: all is Okay."""
    driver = drive(bench)
    outcome = driver.link(bench.server.new_code(bench.server.printer.id))
    assert outcome["ok"], outcome
    state = driver.wait_until_connected()["server"]
    assert (state["state"], state["cause"]) == ("okay", None), state
    return driver


def server_fault(fault: Fault, bench: Bench) -> None:
    """Break the server, see what is said, mend it, see it heal."""
    driver = freshly_linked(bench)
    former = len(bench.server.connections) - 1
    bench.server.set_fault(fault.id)
    if fault.id in STATUS_FIRST:
        # one end may be chance: the next connection has to end as well
        assert bench.server.wait_for(lambda: len(closed_since(bench, former)) >= 2, STATUS_LIMIT_S)
        wait_for_state(driver, fault)
    result = driver.diagnose()
    assert (result["verdict"], result["cause"]) == (fault.verdict, fault.cause), result
    wait_for_state(driver, fault)
    assert_report(driver, fault)
    bench.server.clear()
    if fault.id in PATIENT:
        driver.diagnose()
    driver.wait_until_connected(HEAL_LIMIT_S)
    if fault.id == "copied_token":
        return  # TEST goes on to warn for two minutes: the rival may come back
    healed = driver.diagnose()
    assert (healed["verdict"], healed["cause"]) == ("succeeded", None), healed
    state = driver.status()["server"]
    # nothing has failed for two minutes: that this ends well is tested with a clock of its own
    assert state["state"] == "okay" or state["reason"] == "recovering", state


def closed_since(bench: Bench, number: int) -> list[ConnectionRecord]:
    """The connections that have ended, of those after the first `number`."""
    later = bench.server.connections[number:]
    return [connection for connection in later if not connection.is_open]


def wait_for_state(driver: PluginDriver, fault: Fault) -> None:
    """The row says state and cause of the fault."""
    states = STATES.get(fault.id, ("disconnected",))
    driver.wait_for_status(
        lambda s: s["server"]["state"] in states and s["server"]["cause"] == fault.cause,
        f"the status is {' or '.join(states)} for {fault.cause}",
        STATUS_LIMIT_S,
    )


def assert_report(driver: PluginDriver, fault: Fault) -> None:
    """The channel that fails is seen to fail, and the other one to go on."""
    status = driver.status()
    if fault.cause is None:
        assert is_connected(status)
    elif fault.channel == "websocket":
        assert status["channels"]["http"]["state"] == "okay"
        assert status["channels"]["websocket"]["cause"] == fault.cause
        assert driver.report()["channels"]["websocket"]["active"] is True
    else:
        assert status["channels"]["http"]["cause"] == fault.cause


def webcam_fault(fault: Fault, bench: Bench) -> None:
    """Break the webcam: its own row says so, the server's verdict stays."""
    driver = freshly_linked(bench)
    bench.webcam.set_fault(fault.id)
    let_viewer_come(bench.server)
    row = driver.wait_for_status(
        lambda s: s["webcams"][0]["cause"] == fault.cause, fault.id, WEBCAM_LIMIT_S
    )["webcams"][0]
    assert row["state"] == "error" and row["text"]
    result = driver.diagnose()
    assert result["cause"] is None and result["verdict"] == "succeeded", result
    (webcam,) = result["webcams"]
    assert webcam["cause"] == fault.cause, webcam
    assert webcam["explanation"] and webcam["remedy"]
    report = driver.report()
    assert report["webcam"]["active"] is True
    assert report["webcam"]["causes"][fault.cause] >= 1
    assert report["channels"][f"webcam:{webcam['name']}"]["errors"] >= 1
    bench.webcam.clear()
    let_viewer_come(bench.server)
    driver.wait_for_status(
        lambda s: s["webcams"][0]["state"] == "okay", "the webcam is okay again", WEBCAM_LIMIT_S
    )
    assert driver.report()["webcam"]["active"] is False


ALL_BODIES: Mapping[str, Body] = {
    **{fault.id: partial(server_fault, fault) for fault in SERVER_FAULTS.values()},
    **{f"webcam-{fault.id}": partial(webcam_fault, fault) for fault in WEBCAM_FAULTS.values()},
}

#: These wait for time limits to pass; begun first, they end while the others run.
LONG = ("silent", "ws_silent", "ws_frozen", "webcam-silent", "webcam-slow_drip")
BODIES = dict(sorted(ALL_BODIES.items(), key=lambda body: body[0] not in LONG))


# for the session: pytest comes back to this module for the second OctoPrint
@pytest.fixture(scope="session")
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultLab]:
    """Runs what was chosen of this module's faults, once, on all OctoPrints at the same time."""
    chosen = {
        (item.callspec.params["edition"], item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_fault
    }
    jobs = [
        (edition, name, body)
        for edition in EDITIONS
        for name, body in BODIES.items()
        if (edition.id, name) in chosen
    ]
    with FaultLab(jobs, tmp_path_factory.mktemp("lab")).running() as lab:
        yield lab


@pytest.mark.parametrize("name", BODIES)
def test_fault(lab: FaultLab, edition: Edition, name: str) -> None:
    """TEST, status and report tell of the fault, and all is well again after it."""
    lab.outcome(edition, name)
