"""Both live channels, opened once: what is tested for one is tested for the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from octoprint_obico.server.address import parse_address
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.server.http import HttpClient
from octoprint_obico.server.websocket import open_connection

from . import faults as f
from .live import AGENT, TOKEN, in_time

Opener = Callable[[str, float], None]


def open_http(url: str, timeout_s: float = f.LIMIT_S) -> None:
    with contextlib.closing(HttpClient(parse_address(url), AGENT)) as client:
        client.request("GET", "/api/v1/octo/printer/", token=TOKEN, timeout_s=timeout_s)


def open_websocket(url: str, timeout_s: float = f.LIMIT_S) -> None:
    open_connection(parse_address(url), TOKEN, AGENT, timeout_s).close()


BOTH = pytest.mark.parametrize("opener", [open_http, open_websocket], ids=["http", "websocket"])


def error_of(opener: Opener, url: str, timeout_s: float = f.LIMIT_S) -> ChannelError:
    """What opening fails with, in time."""
    error = in_time(lambda: opener(url, timeout_s), timeout_s + 1.0)
    assert isinstance(error, ChannelError), error
    return error
