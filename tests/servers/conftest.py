"""What the tests against misbehaving servers share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from octoprint_obico.diagnosis.checks import network
from octoprint_obico.server.backoff import Backoff
from octoprint_obico.server.channel_state import Snapshot
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.server.journal import Journal, Line
from octoprint_obico.server.retry_policy import WEBSOCKET, Pace, Paces, Trouble, trouble_of
from sandbox import SandboxServer, SandboxWebcam, Timing

from .certificates import Certificates
from .faults import Behaviour, FaultServer
from .live import Live, Move

FAST = Timing(close_wait_s=0.3, slow_s=0.3, ws_dropped_after_s=0.2, rival_after_s=0.2)
_ENVIRONMENT = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "OBICO_TOKEN",
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no trust and no token from outside."""
    for name in _ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def no_router(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever network this machine is in: its router is no business of these tests."""
    monkeypatch.setattr(network, "read_network", lambda: None)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Our authority is trusted, as an administrator would make it so."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_file))
    return certificates


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], FaultServer]]:
    """Start fault servers that end with the test."""
    with contextlib.ExitStack() as stack:

        def start(behaviour: Behaviour) -> FaultServer:
            return stack.enter_context(FaultServer(behaviour))

        yield start


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(timing=FAST) as running:
        yield running


@pytest.fixture
def webcam() -> Iterator[SandboxWebcam]:
    with SandboxWebcam() as running:
        yield running


@pytest.fixture(autouse=True)
def moves(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Move]]:
    """All changes of state, of all channels of the test; fails it where one is not legal."""
    seen: list[Move] = []
    illegal: list[Move] = []
    usual = Journal.note

    def note(self: Journal, before: Snapshot, after: Snapshot, *, failed: bool) -> tuple[Line, ...]:
        move = Move(self.name, before.state, after.state)
        if move.before is not move.after:
            seen.append(move)
            if move.after not in self.transitions[move.before]:
                illegal.append(move)
        return usual(self, before, after, failed=failed)

    monkeypatch.setattr(Journal, "note", note)
    yield seen
    assert not illegal


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of hundredths of a second, unless a rival or the server speaks against it."""
    usual = Backoff.failed

    def failed(self: Backoff, error: ChannelError | None, **circumstances: Any) -> float:
        delay_s = usual(self, error, **circumstances)
        may_try = trouble_of(error) in (Trouble.LOST, Trouble.DENIED)
        asked = circumstances.get("shared") or getattr(error, "retry_after", None)
        return 0.02 if may_try and not asked else delay_s

    monkeypatch.setattr(Backoff, "failed", failed)


@pytest.fixture
def live(impatient: None) -> Iterator[Live]:
    """A live WebSocket channel that the test points somewhere; stopped afterwards."""
    harness = Live()
    yield harness
    harness.stop()


@pytest.fixture
def prompt_return(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first close with 4321 it waits for up to 10 s: here for a moment."""
    moment = Pace(0.05, 0.1, 0.1)
    monkeypatch.setitem(
        cast("dict[Trouble, Paces]", WEBSOCKET), Trouble.REPLACED, Paces(moment, moment)
    )
