"""A raw agent for the sandbox's own tests: plain `requests` and `websocket-client`."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Iterator
from typing import Any

import requests
import websocket

from sandbox.obico_server import SandboxServer

API = "/api/v1/octo"
TIMEOUT_S = 3.0


class Agent:
    """Talks to a sandbox server over one kept-alive HTTP session and any number of sockets."""

    def __init__(self, server: SandboxServer, token: str | None = None) -> None:
        self.server = server
        self.token = server.printer.token if token is None else token
        self._session = requests.Session()
        self._session.trust_env = False
        self.last_socket = websocket.WebSocket()
        self._stack = contextlib.ExitStack()
        self._stack.callback(self._session.close)

    def close(self) -> None:
        self._stack.close()

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request with the token, unless `headers` are given; redirects are not followed."""
        options.setdefault("headers", {"Authorization": f"Token {self.token}"})
        options.setdefault("timeout", TIMEOUT_S)
        options.setdefault("allow_redirects", False)
        return self._session.request(method, self.server.url + path, **options)

    def who(self, **options: Any) -> requests.Response:
        return self.call("GET", f"{API}/printer/", **options)

    def socket(
        self, authorization: str | None = None, path: str = "/ws/dev/", timeout: float = TIMEOUT_S
    ) -> websocket.WebSocket:
        """Open a WebSocket; closed at the end of the test. Raises what the library raises."""
        if authorization is None:
            authorization = f"bearer {self.token}"
        socket = self.last_socket = websocket.WebSocket()
        self._stack.callback(socket.shutdown)
        url = self.server.url.replace("http", "ws", 1) + path
        headers = {"Authorization": authorization} if authorization else {}
        socket.connect(url, header=headers, timeout=timeout, http_no_proxy=["*"], redirect_limit=0)
        return socket

    def greeted(self) -> websocket.WebSocket:
        """An open socket whose first message has been read."""
        socket = self.socket()
        assert "remote_status" in json.loads(socket.recv())
        return socket


@contextlib.contextmanager
def agent_of(server: SandboxServer, token: str | None = None) -> Iterator[Agent]:
    agent = Agent(server, token)
    try:
        yield agent
    finally:
        agent.close()


def handshake_status(agent: Agent, authorization: str | None = None, path: str = "/ws/dev/") -> int:
    """The HTTP status with which a handshake is refused; 101 where it is not."""
    try:
        agent.socket(authorization, path)
    except websocket.WebSocketBadStatusException as exc:
        return int(exc.status_code)
    except websocket.WebSocketException:
        pass  # a redirect, which the library was told not to follow
    status = agent.last_socket.getstatus()
    assert status is not None
    return int(status)


def close_code(socket: websocket.WebSocket) -> int | None:
    """Read on until the close frame; its code, None where the connection ends without one."""
    while True:
        try:
            opcode, data = socket.recv_data()
        except (websocket.WebSocketConnectionClosedException, ConnectionError):
            return None
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int(struct.unpack("!H", data[:2])[0])


def send(socket: websocket.WebSocket, **message: Any) -> None:
    socket.send(json.dumps(message))


STATUS = {"_ts": 1, "state": {"text": "Operational", "flags": {}}}
