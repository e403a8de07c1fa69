"""Does a Raspberry Pi complain of its power supply?"""

from __future__ import annotations

import re
from pathlib import Path

from ...server.deadline import Deadline
from .commands import run_command

UNDERVOLTAGE_NOW = 1 << 0
UNDERVOLTAGE_SINCE_BOOT = 1 << 16
"""Bits of `vcgencmd get_throttled` (raspberrypi.com/documentation/computers/os.html)."""

SYS = Path("/sys")

_FIRMWARE_FILE = "devices/platform/soc/soc:firmware/get_throttled"
"""The same number, in hex without 0x (drivers/firmware/raspberrypi.c of Raspberry Pi's kernel)."""

_COMMAND_S = 1.5


def read_throttled(deadline: Deadline) -> int | None:
    """The bits of `get_throttled`, or None on a machine that does not tell.

    Asked in turn: the command, the firmware driver's file, and the sensor rpi_volt, whose alarm is
    under-voltage in the last seconds (drivers/hwmon/raspberrypi-hwmon.c).
    """
    argv = ["vcgencmd", "get_throttled"]
    told = parse_throttled(run_command(argv, min(_COMMAND_S, deadline.remaining())) or "")
    if told is None:
        told = _number(SYS / _FIRMWARE_FILE, 16)
    return _from_sensor() if told is None else told


def parse_throttled(text: str) -> int | None:
    """The number in "throttled=0x50005"."""
    found = re.search(r"throttled=0x([0-9a-fA-F]+)", text)
    return int(found.group(1), 16) if found else None


def _from_sensor() -> int | None:
    for name in sorted((SYS / "class/hwmon").glob("hwmon*/name")):
        try:
            is_ours = name.read_text(encoding="ascii").strip() == "rpi_volt"
        except (OSError, ValueError):
            continue
        if is_ours:
            alarm = _number(name.parent / "in0_lcrit_alarm", 10)
            return None if alarm is None else (UNDERVOLTAGE_NOW if alarm else 0)
    return None


def _number(path: Path, base: int) -> int | None:
    try:
        return int(path.read_text(encoding="ascii").strip(), base)
    except (OSError, ValueError):
        return None
