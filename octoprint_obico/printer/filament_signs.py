"""What tells that a printer waits for a change of its filament: the table, and how a line is read.

Pure. Firmware has no one word for it; each row says who uses which. What a line says is compared
without regard to case. Imported when something may be a sign (see filament.py).
"""

from __future__ import annotations

from typing import NamedTuple

from .filament import CHANGE, STOPPED

_MOST_LINE = 300


class Sign(NamedTuple):
    """One sign.

    Attributes:
        where: "sent" (a command to the printer), "event" (OctoPrint's), "action" (a host action
            command, `//action:NAME`), "reason" (what follows the name pause or paused), "prompt" or
            "notification" (what these actions show), or "line" (any other line of the printer).
        words: all of them have to be in it; of "sent", "event" and "action" the one is all of it.
        ring: what the bell says.
        running: whether it counts only while a print runs: at other times somebody is at the
            printer, or has paused it himself.
        fades: whether the printer repeats it, every two seconds or so, as long as it waits.
        source: of the fact.
    """

    where: str
    words: tuple[str, ...]
    ring: str
    source: str
    running: bool = True
    fades: bool = False


_MARLIN_PAUSE = "Marlin, src/feature/pause.cpp"
_MARLIN_RUNOUT = "Marlin, src/feature/runout.cpp"
_PRUSA = "Prusa-Firmware, fsensor.cpp (fsensor_enque_M600)"

SIGNS = (
    # M600 makes any printer wait for a person, also without a print; M701 and M702 (load, unload)
    # outside a running print are somebody at the printer, who need not be told
    Sign("sent", ("m600",), CHANGE, "marlinfw.org/docs/gcode/M600.html", running=False),
    Sign("sent", ("m701",), CHANGE, "marlinfw.org/docs/gcode/M701.html"),
    Sign("sent", ("m702",), CHANGE, "marlinfw.org/docs/gcode/M702.html"),
    Sign("event", ("filamentchange",), CHANGE, "OctoPrint, events.py", running=False),
    Sign("reason", ("filament",), CHANGE, f"{_MARLIN_RUNOUT}: pause(d) filament_runout 0"),
    Sign("action", ("filament_runout",), CHANGE, f"{_MARLIN_RUNOUT}: ACTION_ON_FILAMENT_RUNOUT"),
    Sign("action", ("out_of_filament",), CHANGE, f"{_MARLIN_RUNOUT}: as Repetier names it"),
    Sign("action", ("paused",), STOPPED, f"{_MARLIN_PAUSE}: hostui.paused; Prusa: lcd_pause_print"),
    Sign("action", ("pause",), STOPPED, "Klipper, extras/pause_resume.py: send_pause_command"),
    Sign("prompt", ("filament",), CHANGE, f"{_MARLIN_PAUSE}: Load Filament T0, FilamentRunout T0"),
    Sign("prompt", ("nozzle parked",), CHANGE, f"{_MARLIN_PAUSE}: wait_for_confirmation"),
    Sign("prompt", ("heater", "timeout"), CHANGE, f"{_MARLIN_PAUSE}: the same, after a while"),
    Sign("notification", ("filament", "runout"), CHANGE, _MARLIN_RUNOUT),
    Sign("notification", ("filament", "run out"), CHANGE, "macros of Klipper's users (RESPOND)"),
    Sign("notification", ("insert", "filament"), CHANGE, f"{_MARLIN_PAUSE}: PAUSE_MESSAGE_INSERT"),
    Sign("notification", ("filament change",), CHANGE, f"{_MARLIN_PAUSE}: PAUSE_MESSAGE_CHANGING"),
    Sign(
        "line",
        ("paused for user",),
        STOPPED,
        "Marlin, src/gcode/gcode.cpp: host_keepalive; Prusa as well",
        fades=True,
    ),
    Sign("line", ("insert filament",), CHANGE, f"{_MARLIN_PAUSE}: STR_FILAMENT_CHANGE_INSERT"),
    Sign("line", ("fsensor_update", "m600"), CHANGE, _PRUSA),
    Sign("line", ("enque", '"m600"'), CHANGE, f"{_PRUSA}: enquecommand_front echoes it"),
    Sign("line", ("filament runout",), CHANGE, "macros of Klipper's users (M118, RESPOND)"),
)

_SHOWN = {
    "prompt_begin": "prompt",
    "prompt_text": "prompt",  # Klipper's prompts have a text besides the title
    "notification": "notification",
}
_PAUSES = ("pause", "paused")
_GOES_ON = ("resume", "resumed")


def sign_of(where: str, name: str) -> Sign:
    """The row of a command ("sent") or an event. Raises StopIteration where there is none."""
    return next(sign for sign in SIGNS if (sign.where, sign.words) == (where, (name.lower(),)))


def sign_in(line: str) -> Sign | None:
    """The sign in a line of the printer, or None."""
    for where, said in _read(line):
        for sign in SIGNS:
            if sign.where == where and _fits(sign, said):
                return sign
    return None


def goes_on(line: str) -> bool:
    """Whether the printer says that it goes on."""
    return ("action", _GOES_ON[0]) in _read(line) or ("action", _GOES_ON[1]) in _read(line)


def _fits(sign: Sign, said: str) -> bool:
    if sign.where == "action":
        return sign.words == (said,)
    return all(word in said for word in sign.words)


def _read(line: str) -> tuple[tuple[str, str], ...]:
    """Where a line says something, and what; the more telling one first."""
    text = line[:_MOST_LINE].strip().lower()
    if not text.startswith("//"):
        return (("line", text),)
    body = text[2:].strip()
    if not body.startswith("action:"):
        return (("line", body),)
    name, _, rest = body[len("action:") :].strip().partition(" ")
    if name in _SHOWN:
        return ((_SHOWN[name], rest),)
    if name in _PAUSES:
        return (("reason", rest), ("action", name))
    return (("action", name),)
