"""The lines of a pause with options: exact, bounded, and always taken back."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.printer.modes import MODES, modes_after
from octoprint_obico.printer.pause_script import (
    MAX_LIFT_MM,
    MAX_RETRACT_MM,
    PausedAt,
    PauseOptions,
    pause_options,
    pause_scripts,
)

HEAT = {"tool0": {"actual": 199.0, "target": 200.0}, "bed": {"actual": 60.0, "target": 60.5}}
HERE = PausedAt(100.0, 1500.0, 0)
TOLD = ("G90", "M82")
RETRACT = PauseOptions(retract_mm=2.5)
LIFT = PauseOptions(lift_mm=5)
BOTH = PauseOptions(2.5, 5)


# ---- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ({}, PauseOptions()),
        (
            {"retract": 6.5, "lift_z": 2, "tools_off": True, "bed_off": True},
            PauseOptions(6.5, 2.0, True, True),
        ),
        ({"retract": 0, "lift_z": 0.0}, PauseOptions()),
        ({"retract": 50, "lift_z": 50}, PauseOptions(50.0, 50.0)),
        ({"retract": 50.1, "lift_z": 51}, PauseOptions()),
        ({"retract": -1, "lift_z": -0.1}, PauseOptions()),
        ({"retract": math.nan, "lift_z": math.inf}, PauseOptions()),
        ({"retract": True, "lift_z": "5"}, PauseOptions()),
        ({"retract": 10**400, "lift_z": [5]}, PauseOptions()),
        ({"retract": "bad", "lift_z": 5}, PauseOptions(lift_mm=5.0)),
        ({"tools_off": 1, "bed_off": "true"}, PauseOptions()),
    ],
)
def test_options_are_read_and_bounded(args: dict[str, Any], options: PauseOptions) -> None:
    assert pause_options(args) == options


# ---- modes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "modes"),
    [
        ("G1 M104 G28", ""),
        ("G90 M82", "G90 M82"),
        ("M83 G90", "M83 G90"),
        ("G90 M83 G91 G90", "M83 G90"),
        ("G21 G90 M82 M83 G20", "G90 M83 G20"),
    ],
)
def test_last_mode_of_each_group_is_kept_in_order(seen: str, modes: str) -> None:
    known: tuple[str, ...] = ()
    for gcode in seen.split():
        known = modes_after(known, gcode)
    assert " ".join(known) == modes


# ---- lines ---------------------------------------------------------------------------------------

MOVED = "G91; M83; G1 E-2.5 F1800; G1 Z5 F300; M400"
MOVED_BACK = "G91; M83; G1 Z-5 F300; G1 E2.5 F1800; M400"
TWO_TOOLS = {
    "tool0": {"actual": 30.0, "target": 0.0},
    "tool1": {"actual": 210.0, "target": 210.0},
    "bed": {"actual": 20.0, "target": 0},
}
TWO_HOT = {**TWO_TOOLS, "tool0": {"actual": 170.0, "target": 170}}
COLD = {"tool0": {"actual": 120.0, "target": 200.0}}
OFF = PauseOptions(tools_off=True, bed_off=True)


@pytest.mark.parametrize(
    ("options", "heaters", "modes", "at", "paused", "resumed"),
    [
        pytest.param(PauseOptions(), HEAT, TOLD, HERE, "", "", id="nothing"),
        pytest.param(
            BOTH,
            HEAT,
            TOLD,
            HERE,
            f"{MOVED}; G90; M82",
            f"{MOVED_BACK}; G90; M82; G1 F1500",
            id="both moves",
        ),
        pytest.param(
            BOTH,
            HEAT,
            ("G90", "M83"),
            HERE,
            f"{MOVED}; G90; M83",
            f"{MOVED_BACK}; G90; M83; G1 F1500",
            id="relative extrusion",
        ),
        pytest.param(
            BOTH,
            HEAT,
            ("M83", "G91"),
            HERE,
            f"{MOVED}; M83; G91",
            f"{MOVED_BACK}; M83; G91; G1 F1500",
            id="a relative file, in its order",
        ),
        pytest.param(
            BOTH,
            HEAT,
            ("G21", "M82"),
            HERE,
            f"{MOVED}; G90; M82",
            f"{MOVED_BACK}; G90; M82; G1 F1500",
            id="axes never told: absolute",
        ),
        pytest.param(BOTH, HEAT, ("G90",), HERE, "", "", id="extruder never told"),
        pytest.param(BOTH, HEAT, None, HERE, "", "", id="printer's card"),
        pytest.param(BOTH, HEAT, (*TOLD, "G20"), HERE, "", "", id="inches"),
        pytest.param(
            BOTH,
            HEAT,
            TOLD,
            HERE._replace(room_mm=None, feed_mm_min=None),
            "G91; M83; G1 E-2.5 F1800; M400; G90; M82",
            "G91; M83; G1 E2.5 F1800; M400; G90; M82",
            id="height and speed not known",
        ),
        pytest.param(LIFT, HEAT, TOLD, HERE._replace(room_mm=0.0), "", "", id="at the top"),
        pytest.param(LIFT, HEAT, TOLD, HERE._replace(room_mm=-3.0), "", "", id="above the top"),
        pytest.param(
            LIFT,
            HEAT,
            TOLD,
            HERE._replace(room_mm=1.25),
            "G91; M83; G1 Z1.25 F300; M400; G90; M82",
            "G91; M83; G1 Z-1.25 F300; M400; G90; M82; G1 F1500",
            id="near the top",
        ),
        pytest.param(RETRACT, COLD, TOLD, HERE, "", "", id="cold nozzle"),
        pytest.param(RETRACT, {}, TOLD, HERE, "", "", id="no temperatures"),
        pytest.param(RETRACT, TWO_TOOLS, TOLD, HERE, "", "", id="cold tool in use"),
        pytest.param(
            RETRACT,
            TWO_TOOLS,
            TOLD,
            HERE._replace(tool=1),
            "G91; M83; G1 E-2.5 F1800; M400; G90; M82",
            "G91; M83; G1 E2.5 F1800; M400; G90; M82; G1 F1500",
            id="hot tool in use",
        ),
        pytest.param(
            RETRACT, TWO_TOOLS, TOLD, HERE._replace(tool=None), "", "", id="which tool not known"
        ),
        pytest.param(
            OFF, HEAT, (), PausedAt(), "M140 S0; M104 S0", "M190 S60.5; M109 S200", id="heaters"
        ),
        pytest.param(
            OFF, TWO_TOOLS, (), PausedAt(), "M104 T1 S0", "M109 T1 S210", id="one of two tools"
        ),
        pytest.param(
            OFF,
            {"tool1": {"actual": 210.0, "target": 210.0}},
            (),
            PausedAt(),
            "M104 T1 S0",
            "M109 T1 S210",
            id="the second tool alone",
        ),
        pytest.param(
            OFF,
            TWO_HOT,
            (),
            PausedAt(),
            "M104 T0 S0; M104 T1 S0",
            "M104 T0 S170; M104 T1 S210; M109 T0 S170; M109 T1 S210",
            id="two tools",
        ),
        pytest.param(
            OFF,
            {"tool0": {"actual": None, "target": None}, "bed": None, "toolx": {"target": 99}},
            TOLD,
            HERE,
            "",
            "",
            id="no targets",
        ),
        pytest.param(
            PauseOptions(2.5, 5, True, True),
            HEAT,
            TOLD,
            HERE,
            f"{MOVED}; G90; M82; M140 S0; M104 S0",
            f"M190 S60.5; M109 S200; {MOVED_BACK}; G90; M82; G1 F1500",
            id="all",
        ),
    ],
)
def test_lines(
    options: PauseOptions,
    heaters: dict[str, Any],
    modes: tuple[str, ...] | None,
    at: PausedAt,
    paused: str,
    resumed: str,
) -> None:
    made = pause_scripts(options, heaters, modes, at)
    assert "; ".join(made.paused) == paused
    assert "; ".join(made.resumed) == resumed


# ---- properties ----------------------------------------------------------------------------------


@dataclass
class Firmware:
    """What a firmware makes of the lines: where it is, how it counts, what it heats.

    Attributes:
        axes_rule: whether G90 and G91 rule the extruder as well.
        top: where the axis Z ends, and cuts a move short.
        queues: whether a move begins only when it is waited for, in the modes of that moment.
    """

    axes_rule: bool
    top: float
    queues: bool
    z: float
    e: float = 1000.0
    feed: float = 1500.0
    relative: bool = False
    relative_e: bool = False
    targets: dict[str, float] = field(default_factory=dict)
    waiting: list[dict[str, float]] = field(default_factory=list)

    def run(self, line: str) -> None:
        code, *rest = line.split()
        numbers = {word[0]: float(word[1:]) for word in rest}
        if code in ("G90", "G91"):
            self.relative = code == "G91"
            if self.axes_rule:
                self.relative_e = self.relative
        elif code in ("M82", "M83"):
            self.relative_e = code == "M83"
        elif code == "G1":
            self.waiting.append(numbers)
        elif code in ("M140", "M190"):
            self.targets["bed"] = numbers["S"]
        elif code in ("M104", "M109"):
            self.targets[f"tool{int(numbers.get('T', 0))}"] = numbers["S"]
        else:
            assert code in ("G21", "M400"), f"no line of a pause: {line}"
        if code == "M400" or not self.queues:
            self.finish()

    def finish(self) -> None:
        while self.waiting:
            self.move(self.waiting.pop(0))

    def move(self, to: dict[str, float]) -> None:
        self.feed = to.get("F", self.feed)
        e_relative = self.relative_e or (self.relative and not self.axes_rule)
        if "E" in to:
            assert e_relative, "an absolute E would be metres long"
            self.e += to["E"]
        if "Z" in to:
            assert self.relative, "an absolute Z goes into the print"
            self.z = min(self.z + to["Z"], self.top)


ANY_NUMBER = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.floats(0, 60)
)
ARGS = st.fixed_dictionaries(
    {},
    optional={
        "retract": ANY_NUMBER,
        "lift_z": ANY_NUMBER,
        "tools_off": st.one_of(st.booleans(), ANY_NUMBER),
        "bed_off": st.booleans(),
    },
)
HEATER = st.one_of(
    st.none(),
    st.fixed_dictionaries({"actual": ANY_NUMBER, "target": ANY_NUMBER}),
    st.integers(10, 300).map(lambda target: {"actual": target - 1.0, "target": target}),
)
HEATERS = st.dictionaries(st.sampled_from(["tool0", "tool1", "bed", "chamber", "tool"]), HEATER)
TOOL = st.sampled_from([None, 0, 1])
SEEN = st.lists(st.sampled_from(sorted(MODES - {"G20"})), max_size=8)


def known(heaters: dict[str, Any], name: str) -> float:
    heater = heaters.get(name)
    target = heater["target"] if heater else None
    if isinstance(target, bool) or not isinstance(target, (int, float)):
        return 0.0
    return float(target) if 1 <= target <= 500 else 0.0


@given(ARGS, HEATERS, SEEN, st.floats(0, 200), st.booleans(), st.booleans(), TOOL)
def test_resume_takes_back_all_that_the_pause_did(
    args: dict[str, Any],
    heaters: dict[str, Any],
    seen: list[str],
    z: float,
    axes_rule: bool,
    queues: bool,
    tool: int | None,
) -> None:
    """Whatever the server, the file and the printer say, on any kind of firmware."""
    firmware = Firmware(axes_rule, 200.0, queues, z)
    modes: tuple[str, ...] = ()
    for gcode in seen:
        modes = modes_after(modes, gcode)
        firmware.run(gcode)
    names = [name for name in ("tool0", "tool1", "bed") if known(heaters, name)]
    before = {name: known(heaters, name) for name in names}
    firmware.targets = dict(before)
    was = (firmware.relative, firmware.relative_e)
    scripts = pause_scripts(pause_options(args), heaters, modes, PausedAt(200.0 - z, 1500.0, tool))

    for line in scripts.paused:
        firmware.run(line)
    assert z <= firmware.z <= min(z + MAX_LIFT_MM, 200.0) + 0.001
    assert 1000.0 - MAX_RETRACT_MM - 0.001 <= firmware.e <= 1000.0
    assert (firmware.relative, firmware.relative_e) == was, "the user may cancel now"
    for name, target in firmware.targets.items():
        assert target in (0.0, before[name])

    for line in scripts.resumed:
        firmware.run(line)
    firmware.finish()
    assert firmware.z == pytest.approx(z, abs=0.001)
    assert firmware.e == pytest.approx(1000.0, abs=0.001)
    assert firmware.feed == 1500.0
    assert (firmware.relative, firmware.relative_e) == was
    assert firmware.targets == pytest.approx(before, abs=0.001)


@given(ARGS, HEATERS, SEEN, ANY_NUMBER)
def test_every_line_is_plain_gcode(
    args: dict[str, Any], heaters: dict[str, Any], seen: list[str], room: Any
) -> None:
    """No text of the server and no odd number ever gets into a line."""
    plain = re.compile(
        r"G9[01]|M8[23]|M400|G1( [EZ]-?\d{1,2}(\.\d{1,3})?)? F\d+|M1\d\d( T\d+)? S\d+(\.\d+)?"
    )
    finite = isinstance(room, float) and math.isfinite(room)
    at = PausedAt(room if finite else None, 1500.0, 0)
    modes: tuple[str, ...] = ()
    for gcode in seen:
        modes = modes_after(modes, gcode)
    scripts = pause_scripts(pause_options(args), heaters, modes, at)
    assert [line for line in (*scripts.paused, *scripts.resumed) if not plain.fullmatch(line)] == []


@given(ARGS, HEATERS, SEEN)
def test_nozzle_is_hot_before_it_goes_back(
    args: dict[str, Any], heaters: dict[str, Any], seen: list[str]
) -> None:
    modes: tuple[str, ...] = ()
    for gcode in seen:
        modes = modes_after(modes, gcode)
    scripts = pause_scripts(pause_options(args), heaters, modes, HERE)
    off = [n for n, line in enumerate(scripts.paused) if line.startswith("M1")]
    moves = [n for n, line in enumerate(scripts.paused) if line.startswith("G1 ")]
    assert max(moves, default=-1) < min(off, default=99), "a cold nozzle does not retract"
    waits = [n for n, line in enumerate(scripts.resumed) if line.startswith("M1")]
    back = [n for n, line in enumerate(scripts.resumed) if line.startswith("G1 ")]
    assert max(waits, default=-1) < min(back, default=99)
    assert {line.split()[0] for line in scripts.resumed if "M1" in line} <= {"M104", "M109", "M190"}
    assert sum("M109" in line or "M190" in line for line in scripts.resumed) == len(off)
