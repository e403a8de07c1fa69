"""The status of any host: what OctoPrint, its plugins and the printer may make of it."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any, NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from octoprint_obico.printer.plain import MOST_TEXT, MOST_VALUES, number, plain, text
from octoprint_obico.printer.teller import Teller
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.messages import encode
from tests.protocol_fields import odd_fields
from tests.servers.hosts import FakeHost, FakePrinter

LIMIT_S = 30.0


class Printer(FakePrinter):
    """Gives whatever a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.current: Any = super().current_data()
        self.heat: Any = {}
        self.metadata: Any = {}
        self.content: bytes | None = None
        self.may_read = threading.Event()
        self.may_read.set()
        self.reads = 0

    def current_data(self) -> Any:
        return self.current

    def temperatures(self) -> Any:
        return self.heat

    def file_metadata(self, path: str) -> Mapping[str, Any]:
        assert self.may_read.wait(LIMIT_S)
        metadata: Mapping[str, Any] = self.metadata
        return metadata

    def open_file(self, path: str) -> IO[bytes] | None:
        self.reads += 1
        return None if self.content is None else io.BytesIO(self.content)


class World:
    """A teller on such a host, and what it has recorded."""

    def __init__(self, needs_user: Callable[[], bool] = lambda: False) -> None:
        self.host = FakeHost("http://127.0.0.1", None)
        self.printer = self.host.printer = Printer()
        self.attempts: list[Attempt] = []
        self.known = threading.Semaphore(0)
        self.teller = Teller(self.host, self.attempts.append, self.known.release, needs_user)

    def status(self, first: bool = False) -> dict[str, Any]:
        """A message that PROTOCOL allows; its status."""
        message = self.teller.status(first)
        assert odd_fields(message) == []
        encode(message)
        status: dict[str, Any] = message["status"]
        return status

    def prints(self, filepos: Any = 0, **file: Any) -> None:
        """A file is printed, as OctoPrint's current data have it."""
        known = {"name": "a.gcode", "path": "a.gcode", "origin": "local", "size": 9, "date": 5}
        self.printer.current = {
            "state": {"text": "Printing", "flags": {"operational": True, "printing": True}},
            "job": {"file": {**known, **file}},
            "progress": {"filepos": filepos},
        }
        self.printer.printing = True

    def status_when_read(self) -> dict[str, Any]:
        """The status once the file has been read."""
        self.status()
        assert self.known.acquire(timeout=LIMIT_S)
        return self.status()


def fail(*args: object) -> NoReturn:
    raise RuntimeError("a plugin's fault")


# ---- garbage -------------------------------------------------------------------------------------


class Nasty:
    """An object that no part of us knows, and that fails when it is looked at."""

    def __str__(self) -> str:
        raise RuntimeError("a plugin's fault")

    __bool__ = __len__ = __iter__ = __str__


NAMES = (
    *("state", "flags", "text", "error", "operational", "closedOrError", "job", "file", "name"),
    *("path", "origin", "progress", "filepos", "completion", "filament", "tool0", "length", "bed"),
    *("actual", "target", "offset", "currentZ", "data", "FIRMWARE_NAME", "agent", "\ud800\0"),
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.just(10**400)
    | st.text(max_size=5)
    | st.just("\ud800\0x")
    | st.just("x" * 5000)
    | st.binary(max_size=3)
    | st.builds(object)
    | st.builds(Nasty)
)
GARBAGE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.integers(), inner, max_size=6)
        | st.tuples(inner, inner)
    ),
    max_leaves=15,
)
CURRENT = GARBAGE | st.fixed_dictionaries(
    {}, optional={name: GARBAGE for name in ("state", "job", "progress", "currentZ")}
)


@given(CURRENT, GARBAGE | st.dictionaries(st.sampled_from(NAMES), GARBAGE), GARBAGE, st.booleans())
@example(None, None, None, True)
@example({"job": {"file": "x"}}, {"tool0": Nasty()}, {"name": Nasty()}, True)
@settings(max_examples=150, deadline=None)
def test_whatever_the_host_says_is_a_message_that_protocol_allows(
    current: Any, heat: Any, firmware: Any, first: bool
) -> None:
    world = World()
    world.printer.current, world.printer.heat = current, heat
    world.teller.on_event("FirmwareData", firmware)
    world.status(first)
    told, _ = world.teller.on_event("PrintStarted", current)
    assert odd_fields(told) == []


@given(GARBAGE)
@settings(max_examples=100, deadline=None)
def test_any_section_of_the_host_is_one_that_json_can_say(section: Any) -> None:
    world = World()
    world.host.server_settings = lambda: {"agent": section}  # type: ignore[method-assign]
    encode(world.teller.status(True))


def test_part_that_cannot_be_built_is_recorded_as_our_own_fault() -> None:
    world = World()
    world.printer.current = {**world.printer.current, "job": {"file": 7}}
    world.printer.heat = None
    status = world.status()
    assert status["state"]["text"] == "Operational"
    assert (status["job"], status["temperatures"]) == ({"file": {}}, {})
    fault = world.attempts[-1]
    assert not fault.ok
    assert fault.channel == "plugin"
    assert "job" in fault.message
    assert "temperatures" in fault.message
    world.printer.current, world.printer.heat = FakePrinter().current_data(), {}
    world.status()
    assert world.attempts[-1].ok


def test_section_that_cannot_be_built_costs_only_itself() -> None:
    world = World()
    good = world.host.server_settings
    world.host.server_settings = fail  # type: ignore[method-assign]
    assert "settings" not in world.teller.status(True)
    assert [attempt.ok for attempt in world.attempts] == [False, True]
    world.host.server_settings = good  # type: ignore[method-assign]
    assert "settings" in world.teller.status(False), "owed to the connection"


def test_paused_print_does_not_print() -> None:
    """Failure detection goes by the flag; OctoPrint 2.0 has both (PROTOCOL 5.2, 9)."""
    world = World()
    world.prints()
    world.printer.current["state"]["flags"]["paused"] = True
    assert world.status()["state"]["flags"]["printing"] is False


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, -(10**400), "5", True, None, b"5"])
def test_what_is_no_number(value: Any) -> None:
    assert number(value) is None


def test_texts_are_bounded_and_clean() -> None:
    assert text("a\0b\ud800c") == "ab?c"
    assert len(text("x" * 10_000)) == MOST_TEXT


def test_large_objects_are_cut() -> None:
    wide = plain({"a": list(range(10_000)), "b": 1})
    assert len(wide["a"]) < MOST_VALUES
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    encode({"deep": plain(deep)})


# ---- what OctoPrint's data do not tell -----------------------------------------------------------


def test_nothing_is_invented() -> None:
    status = World().status()
    assert set(status) == {
        *("_ts", "state", "job", "progress", "temperatures"),
        "user_interaction_required",
    }


def test_lines_and_the_waiting_printer_show_in_the_status() -> None:
    world = World(needs_user=lambda: True)
    for gcode in ("M220 S120", "M221 S90", "M106 S51", "M117 warm"):
        world.teller.on_gcode(gcode[:4], gcode)
    status = world.status()
    assert (status["currentFeedRate"], status["currentFlowRate"]) == (1.2, 0.9)
    assert status["currentFanSpeed"] == 0.2
    assert status["display_status"] == {"message": "warm"}
    assert status["user_interaction_required"] is True
    world.teller.on_event("Disconnected", None)
    assert "currentFeedRate" not in world.status()


METADATA = {"analysis": {"printingArea": {"maxZ": 12.5}, "dimensions": {}}, "hash": "x"}


def test_height_and_layers_of_the_printed_file() -> None:
    world = World()
    world.printer.metadata = METADATA
    world.printer.content = b"G28\n;LAYER:0\nG1\n;LAYER:1\nG1\n"
    world.prints(filepos=6)
    status = world.status_when_read()
    assert status["file_metadata"] == {
        "analysis": {"printingArea": {"maxZ": 12.5}},
        "obico": {"totalLayerCount": 2},
    }
    assert status["currentLayerHeight"] == 1
    world.prints(filepos=20)
    assert world.status()["currentLayerHeight"] == 2
    world.prints(filepos=None)
    assert "currentLayerHeight" not in world.status()
    assert world.printer.reads == 1, "once for a print"


def test_selected_file_is_not_read() -> None:
    world = World()
    world.printer.metadata = METADATA
    world.prints()
    world.printer.printing = False
    assert world.status_when_read()["file_metadata"] == {
        "analysis": {"printingArea": {"maxZ": 12.5}}
    }
    assert world.printer.reads == 0


def test_another_file_has_another_height() -> None:
    world = World()
    world.printer.metadata = METADATA
    world.prints()
    assert "file_metadata" in world.status_when_read()
    world.printer.metadata = {"analysis": {"printingArea": {"maxZ": 3}}}
    world.printer.may_read.clear()
    world.prints(path="b.gcode")
    assert "file_metadata" not in world.status(), "not that of the other one, not even for now"
    world.printer.may_read.set()
    assert world.known.acquire(timeout=LIMIT_S)
    assert world.status()["file_metadata"]["analysis"]["printingArea"]["maxZ"] == 3


def test_file_that_comes_back() -> None:
    """It was unselected meanwhile, or the printer was off."""
    world = World()
    world.printer.metadata = METADATA
    world.prints()
    before = world.status_when_read()
    world.printer.current = FakePrinter().current_data()
    assert "file_metadata" not in world.status()
    world.prints()
    assert world.status_when_read()["file_metadata"] == before["file_metadata"]


def test_analysis_that_ends_later() -> None:
    """A file that is printed as soon as it is there is analysed later, or never."""
    world = World()
    world.prints()
    assert "file_metadata" not in world.status_when_read()
    world.printer.metadata = METADATA
    world.teller.on_event("MetadataAnalysisFinished", {"path": "other.gcode"})
    assert "file_metadata" not in world.status()
    world.teller.on_event("MetadataAnalysisFinished", {"path": "a.gcode"})
    assert "file_metadata" in world.status_when_read()


@pytest.mark.parametrize(
    "metadata",
    [
        {"analysis": None},
        {"analysis": {"printingArea": []}},
        {"analysis": {"printingArea": {"maxZ": None}}},
        {"analysis": {"printingArea": {"maxZ": "5"}}},
        {"analysis": {"printingArea": {"maxZ": math.inf}}},
        {"analysis": {"printingArea": {"maxZ": -1}}},
    ],
)
def test_odd_metadata(metadata: Any) -> None:
    world = World()
    world.printer.metadata = metadata
    world.prints()
    assert "file_metadata" not in world.status_when_read()


@pytest.mark.parametrize(
    "file", [{"origin": "sdcard"}, {"origin": None}, {"path": None}, {"path": ""}, {"path": 5}]
)
def test_file_that_cannot_be_read_is_not_asked_for(file: Mapping[str, Any]) -> None:
    world = World()
    world.printer.metadata = METADATA
    world.prints(**file)
    world.status()
    assert not world.known.acquire(timeout=0.2)
    assert "file_metadata" not in world.status()


def test_failing_read_is_recorded_and_not_tried_for_ever() -> None:
    world = World()
    world.printer.open_file = fail  # type: ignore[assignment,method-assign]
    world.prints()
    for _ in range(5):
        world.status()
    assert world.known.acquire(timeout=LIMIT_S)
    world.status()
    assert not world.known.acquire(timeout=0.2)
    assert [attempt.ok for attempt in world.attempts].count(False) == 1


def test_reading_ends_with_us() -> None:
    world = World()
    begun, go_on = threading.Event(), threading.Event()

    class Endless(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            begun.set()
            assert go_on.wait(LIMIT_S)
            return b";LAYER:1\n"

    world.printer.open_file = lambda path: Endless()  # type: ignore[method-assign]
    world.prints()
    world.status()
    assert begun.wait(LIMIT_S)
    world.teller.stop()
    go_on.set()
    assert world.known.acquire(timeout=LIMIT_S), "the thread has ended"
    world.prints(path="b.gcode")
    world.status()
    assert not world.known.acquire(timeout=0.2), "and none begins"
