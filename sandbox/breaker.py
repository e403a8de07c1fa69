"""Which faults are active now, and the answers that need no server behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

from aiohttp import web

from sandbox import replies
from sandbox.faults import SERVER, WEBSOCKET, Fault
from sandbox.http_api import RETRY_AFTER_S

PORTAL_URL = "http://portal.example/login"
PROXY = {"Server": "nginx"}


def _login_page() -> web.Response:
    form = (
        '<form method="post" action="/login"><input name="user"> '
        '<input type="password" name="password"> <button>Log in</button></form>'
    )
    return replies.html_page("Guest network: log in", form)


# What a device in front of the server, or a broken server, answers to whatever is asked.
CANNED: Mapping[str, Callable[[], web.Response]] = MappingProxyType(
    {
        "http_500": replies.server_error_page,
        "http_502": lambda: replies.html_page("502 Bad Gateway", "nginx", 502, PROXY),
        "http_503": lambda: replies.html_page("503 Service Unavailable", "nginx", 503, PROXY),
        "http_429": lambda: replies.throttled(RETRY_AFTER_S),
        "captive_portal": lambda: replies.html_page(
            "Found", "Log in first.", 302, {"Location": PORTAL_URL}
        ),
        "login_page": _login_page,
        "not_obico": lambda: replies.html_page("404 Not Found", "nginx", 404, PROXY),
        "ws_refused": lambda: replies.html_page("400 Bad Request", "nginx", 400, PROXY),
        "ws_403": lambda: replies.html_page("403 Forbidden", "nginx", 403, PROXY),
        "ws_404": lambda: replies.html_page("404 Not Found", "nginx", 404, PROXY),
    }
)


class Breaker:
    """The active fault of each channel. Changed in the loop only; may be read anywhere."""

    def __init__(self) -> None:
        self._active: dict[str, Fault | None] = {SERVER: None, WEBSOCKET: None}
        self._waiters: list[asyncio.Future[None]] = []

    def active(self) -> dict[str, str | None]:
        """Fault id by channel."""
        return {channel: f.id if f else None for channel, f in self._active.items()}

    def is_active(self, fault_id: str) -> bool:
        return any(fault is not None and fault.id == fault_id for fault in self._active.values())

    @property
    def frozen(self) -> bool:
        """Open sockets neither read nor send."""
        return self.is_active("silent") or self.is_active("ws_frozen")

    def canned(self, channel: str) -> web.Response | None:
        """The answer that the channel's fault gives to everything, if it has one."""
        fault = self._active[channel]
        make = CANNED.get(fault.id) if fault else None
        return make() if make else None

    def set(self, channel: str, fault: Fault | None) -> None:
        self._active[channel] = fault
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, is_met: Callable[[], bool]) -> None:
        """Wait until a change of the faults has made the condition true."""
        while not is_met():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    async def thaw(self) -> None:
        """Wait until sockets move again."""
        await self.until(lambda: not self.frozen)
