"""Tells when this computer gets a network address: the network is back, and worth a try."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

_ADDRESS_GROUPS = 0x10 | 0x100
"""RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR of Linux (rtnetlink(7))."""

_NEW_ADDRESS = 20
"""RTM_NEWADDR (rtnetlink(7))."""

_HEADER = struct.Struct("=LHHLL")
"""nlmsghdr (netlink(7)): length, type, flags, sequence, port."""

_READ_AT_ONCE = 64


class AddressWatch:
    """Listens to Linux' announcements of addresses, which cost nothing until one comes.

    Any user may. Elsewhere, or where a sandbox forbids it, nothing is ever announced, and the
    regular tries go on alone.
    """

    def __init__(self) -> None:
        self.readable: socket.socket | None = None
        """For a selector; None where there is nothing to listen to."""
        if not hasattr(socket, "AF_NETLINK"):
            return
        with suppress(OSError):
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            try:
                sock.setblocking(False)
                sock.bind((0, _ADDRESS_GROUPS))
            except OSError:
                sock.close()
                raise
            self.readable = sock

    def drain(self) -> bool:
        """Take what was announced; return whether there was a new address in it."""
        found = False
        if self.readable is not None:
            with suppress(BlockingIOError):
                for _ in range(_READ_AT_ONCE):
                    found = _has_new_address(self._read(self.readable)) or found
        return found

    @staticmethod
    def _read(sock: socket.socket) -> bytes:
        try:
            return sock.recv(65536)
        except BlockingIOError:
            raise
        except OSError:  # ENOBUFS: more was announced than fits; that is news as well
            return _HEADER.pack(_HEADER.size, _NEW_ADDRESS, 0, 0, 0)

    def close(self) -> None:
        if self.readable is not None:
            self.readable.close()
            self.readable = None


def _has_new_address(data: bytes) -> bool:
    while len(data) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data)
        if kind == _NEW_ADDRESS:
            return True
        if length < _HEADER.size:
            return False
        data = data[(length + 3) & ~3 :]
    return False
