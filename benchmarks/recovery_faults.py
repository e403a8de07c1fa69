"""The faults from which recovery is measured, and the servers that have them.

As root on Linux each may have a network of its own: then its packets can really be dropped.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sandbox import SandboxServer
from tests.own_network import own_network
from tests.servers import wsfaults as ws
from tests.servers.faults import FaultServer, Peer
from tests.servers.live import TOKEN

_DROP_ALL = ("iptables", "-w", "-A", "INPUT", "-j", "DROP")
_DROP_NONE = ("iptables", "-w", "-F", "INPUT")
_COMMAND_LIMIT_S = 20.0


@dataclass(frozen=True)
class Scene:
    """A server, and how it is broken and mended."""

    url: str
    token: str
    begin: Callable[[], object]
    end: Callable[[], object]


Stage = Callable[[bool], AbstractContextManager[Scene]]
"""Makes a scene; told whether it has a network of its own."""


@dataclass(frozen=True)
class Fault:
    """One row.

    Attributes:
        lasts_s: 0: it is over as soon as it has begun.
        cause: what the status has to name before the fault counts as noticed; None: anything.
        noticed_s, back_s, alone_s: targets in seconds: until it shows; from its end until the agent
            is back, watched and not. None: there is none.
        harmless: nothing may show at all.
    """

    title: str
    stage: Stage
    lasts_s: float
    noticed_s: float | None = None
    back_s: float | None = None
    alone_s: float | None = None
    cause: str | None = None
    harmless: bool = False


def sandboxed(begin: Callable[[SandboxServer], object]) -> Stage:
    """The sandbox, broken by `begin`; all of its faults are cleared at the end."""

    @contextlib.contextmanager
    def stage(isolated: bool) -> Iterator[Scene]:
        with SandboxServer() as server:
            yield Scene(server.url, server.printer.token, lambda: begin(server), server.clear)

    return stage


def _reset_sockets(server: SandboxServer) -> None:
    server.set_fault("ws_reset")
    server.clear("websocket")


def _revoke(server: SandboxServer) -> None:
    server.set_fault("revoked")
    _reset_sockets(server)


@contextlib.contextmanager
def freezing(isolated: bool) -> Iterator[Scene]:
    """A server whose open sockets fall silent, while new ones are served."""
    generation = [0]

    def serve(peer: Peer) -> None:
        born = generation[0]
        while True:
            opcode, payload = ws.read_frame(peer)
            if opcode == ws.PING and born == generation[0]:
                peer.send(ws.frame(ws.PONG, payload))

    def shake_hands(peer: Peer, head: bytes) -> None:
        peer.send(ws.switching(ws.accept_key(head)) + ws.frame(ws.TEXT, ws.GREETING))
        serve(peer)

    def freeze() -> None:
        generation[0] += 1

    with FaultServer(ws.beside_api(shake_hands)) as server:
        yield Scene(server.url, TOKEN, freeze, lambda: None)


@contextlib.contextmanager
def dropping(isolated: bool) -> Iterator[Scene]:
    """All packets are dropped; without a network of one's own, the server says nothing."""
    with SandboxServer() as server:
        if not isolated:
            silence = SandboxServer.set_fault
            yield Scene(
                server.url, server.printer.token, lambda: silence(server, "silent"), server.clear
            )
            return
        yield Scene(
            server.url, server.printer.token, lambda: _run(_DROP_ALL), lambda: _run(_DROP_NONE)
        )


def _faulty(fault_id: str) -> Stage:
    return sandboxed(lambda server: server.set_fault(fault_id))


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_COMMAND_LIMIT_S)


def isolate() -> bool:
    """Give this thread a network in which packets can be dropped; False where that cannot be."""
    if shutil.which("iptables") is None or not own_network():
        return False
    _run(_DROP_NONE)
    return True


FAULTS: Sequence[Fault] = (
    Fault("WebSocket closed (1000), server healthy", sandboxed(SandboxServer.kick), 0, 1, 5, 5),
    Fault("WebSocket reset, server healthy", sandboxed(_reset_sockets), 0, 1, 5, 5),
    Fault("server away for 20 s", _faulty("unreachable"), 20, 1, 10, 90),
    Fault("server away for 180 s", _faulty("unreachable"), 180, 1, 10, 90),
    Fault(
        "token revoked, socket reset, mended after 180 s",
        sandboxed(_revoke),
        lasts_s=180,
        noticed_s=5,
        back_s=10,
        cause="credentials_invalid",
    ),
    Fault(
        "printer archived for 180 s, socket left open",
        _faulty("archived"),
        lasts_s=180,
        noticed_s=60,
        back_s=10,
        cause="credentials_invalid",
    ),
    Fault("handshakes succeed, then closed at once, 180 s", _faulty("ws_closed"), 180, 5, 10, 90),
    Fault(
        "HTTP and new sockets answer 500 for 180 s, the open socket kept",
        _faulty("http_500"),
        lasts_s=180,
        noticed_s=60,
        back_s=10,
        alone_s=90,
    ),
    Fault("socket frozen, server healthy for new ones", freezing, 0, 15, 20, 20),
    Fault("all packets dropped for 180 s", dropping, 180, 15, 10, 90),
    Fault(
        "healthy self-hosted server without the cloud's routes",
        sandboxed(lambda server: None),
        lasts_s=180,
        harmless=True,
    ),
)
