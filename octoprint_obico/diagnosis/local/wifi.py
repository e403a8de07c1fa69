"""How strong the Wi-Fi signal is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...server.deadline import Deadline
from .commands import run_command

WIRELESS_FILE = Path("/proc/net/wireless")

_COMMAND_S = 1.0

_QUALITY_OF_DBM = 70
_QUALITY_OF_PERCENT = 100
"""The scale of the link quality in /proc/net/wireless: 0 to 70 for drivers that report dBm, 0 to
100 for the others (cfg80211_wireless_stats in the kernel's net/wireless/wext-compat.c)."""

_PLAUSIBLE_DBM = range(-120, 0)
_UNSIGNED_DBM = range(136, 256)
"""What a driver means that reports its level as an unsigned byte: 178 is 178 - 256 = -78 dBm."""

_ROW = re.compile(r"^\s*(\S+):\s+[0-9a-fA-F]+\s+(-?\d+)\.?\s+(-?\d+)\.?\s")


@dataclass(frozen=True)
class Signal:
    """The signal at one interface, as far as its driver tells."""

    interface: str
    dbm: int | None
    quality_percent: int | None

    @property
    def is_known(self) -> bool:
        return self.dbm is not None or self.quality_percent is not None


def read_signal(interface: str | None, deadline: Deadline) -> Signal | None:
    """The signal of the Wi-Fi in use, or None where none is.

    Args:
        interface: the one that the default route uses; None where that is not known, then the
            first Wi-Fi that is connected counts.
    """
    for read in (_from_kernel, lambda: _from_iw(deadline)):
        for signal in read():
            if signal.is_known and interface in (None, signal.interface):
                return signal
    return None


def _from_kernel() -> list[Signal]:
    try:
        return parse_wireless(WIRELESS_FILE.read_text(encoding="ascii", errors="replace"))
    except OSError:  # a kernel without Wi-Fi, or without this old interface
        return []


def parse_wireless(text: str) -> list[Signal]:
    """The rows of /proc/net/wireless: interface, status, link quality, level, noise, counters.

    Zero for both is an interface that is not connected.
    """
    found = []
    for row in filter(None, map(_ROW.match, text.splitlines()[2:])):
        dbm = _dbm(int(row.group(3)))
        scale = _QUALITY_OF_PERCENT if dbm is None else _QUALITY_OF_DBM
        quality = int(row.group(2))
        percent = min(100, round(100 * quality / scale)) if quality > 0 else None
        found.append(Signal(row.group(1), dbm, percent))
    return found


def _dbm(level: int) -> int | None:
    """A driver's level in dBm, or None for a level in units of its own."""
    if level in _UNSIGNED_DBM:
        level -= 256
    return level if level in _PLAUSIBLE_DBM else None


def _from_iw(deadline: Deadline) -> list[Signal]:
    """The same by `iw`, where the kernel has no /proc/net/wireless."""
    if WIRELESS_FILE.exists():
        with_row = {signal.interface for signal in _from_kernel() if signal.is_known}
    else:
        with_row = set()
    devices = run_command(["iw", "dev"], min(_COMMAND_S, deadline.remaining()))
    found = []
    for name in parse_iw_dev(devices or ""):
        if name in with_row:
            continue
        argv = ["iw", "dev", name, "link"]
        dbm = parse_iw_link(run_command(argv, min(_COMMAND_S, deadline.remaining())) or "")
        found.append(Signal(name, dbm, None))
    return found


def parse_iw_dev(text: str) -> list[str]:
    """The interfaces in `iw dev` that join a network, in place of making one."""
    blocks = re.split(r"^\s*(?=Interface |Unnamed/)", text, flags=re.MULTILINE)
    names = [(re.match(r"Interface (\S+)", block), block) for block in blocks]
    return [name.group(1) for name, block in names if name and "type managed" in block]


def parse_iw_link(text: str) -> int | None:
    """The signal in dBm from `iw dev NAME link`; None where it is not connected."""
    found = re.search(r"^\s*signal:\s*(-?\d+) dBm", text, re.MULTILINE)
    return _dbm(int(found.group(1))) if found else None
