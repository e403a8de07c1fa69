"""Where a file's layers begin, by the marks of each slicer."""

from __future__ import annotations

import io
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.printer import layers as m

MOVES = b"G1 X1 Y1\nG1 X2 E1\n"

SLICERS = {
    "prusa": [b";LAYER_CHANGE\n;Z:0.2\n;HEIGHT:0.2\n", b";LAYER_CHANGE\r\n;Z:0.4\r\n"],
    "cura": [b";LAYER:0\n", b";LAYER:1\n"],
    "cura with a raft": [b";LAYER:-2\n", b";LAYER:0\n"],
    "cura, one after another": [b";LAYER:0\n", b";LAYER:0\n"],
    "bambu": [b"; CHANGE_LAYER\n; Z_HEIGHT: 0.2\n", b"; CHANGE_LAYER\n"],
    "simplify3d": [b"; layer 1, Z = 0.200\n", b"; layer 2, Z = 0.400\n"],
}

NO_MARKS = (
    b";LAYER_COUNT:2\n",
    b"; layer_height = 0.2\n",
    b"; layer num/total_layer_count: 1/2\n",
    b";LAYER_CHANGED\n",
    b"; before_layer_gcode = ;LAYER_CHANGE\\n\n",
    b"G1 X1 ;LAYER:1\n",
    b"M117 ;LAYER_CHANGE\n",
    b"; layer end\n",
)


def find(text: bytes) -> m.Layers:
    return m.find_layers(io.BytesIO(text))


@pytest.mark.parametrize("name", SLICERS)
def test_marks_of_a_slicer(name: str) -> None:
    first, second = SLICERS[name]
    head = b"; made by somebody\n" + b"".join(NO_MARKS)
    text = head + first + MOVES + second + MOVES
    found = find(text)
    assert found.total == 2
    begins = [len(head), len(head) + len(first) + len(MOVES)]
    assert [found.at(at) for at in (0, begins[0] - 1, begins[0], begins[1] - 1, begins[1])] == [
        *(None, None),
        *(1, 1, 2),
    ]
    assert found.at(len(text)) == 2


def test_file_that_begins_with_a_mark() -> None:
    assert find(b";LAYER:0\n" + MOVES).at(0) == 1


def test_mark_at_the_very_end() -> None:
    assert find(MOVES + b";LAYER_CHANGE").total == 1


@pytest.mark.parametrize("text", [b"", MOVES, b"".join(NO_MARKS)])
def test_no_marks(text: bytes) -> None:
    found = find(text)
    assert found.total is None
    assert found.at(10) is None


def test_a_files_first_kind_counts() -> None:
    """Users have their slicer write Cura's marks beside its own."""
    assert find(b";LAYER_CHANGE\n;LAYER:0\n;LAYER_CHANGE\n;LAYER:1\n").total == 2


@given(
    st.lists(st.sampled_from([MOVES, *NO_MARKS, *SLICERS["cura"]]), max_size=40),
    st.integers(1, 40),
)
def test_chunks_do_not_matter(parts: list[bytes], size: int) -> None:
    """A mark may lie across the border of two chunks."""
    text = b"".join(parts)
    starts, at = [], 0
    for part in parts:
        if part in SLICERS["cura"]:
            starts.append(at)
        at += len(part)

    class Small(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            return super().read(size)

    found = m.find_layers(Small(text))
    assert found.total == (len(starts) or None)
    for number, start in enumerate(starts, 1):
        assert found.at(start) == number
        assert found.at(start - 1) == (number - 1 or None)


def test_reading_ends_when_nobody_wants_it_any_more() -> None:
    class Endless(io.BytesIO):
        reads = 0

        def read(self, count: int | None = -1, /) -> bytes:
            self.reads += 1
            return b";LAYER:1\n"

    file = Endless()
    assert m.find_layers(file, lambda: file.reads >= 3).total is None
    assert file.reads == 3


def test_too_many_layers_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(m, "MOST_LAYERS", 5)
    assert find(b";LAYER:1\n" * 5).total == 5
    assert find(b";LAYER:1\n" * 6).total is None


def test_too_large_files_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(m, "MOST_BYTES", 2000)

    class Endless(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            return b";LAYER:1\n" * 10

    file: IO[bytes] = Endless()
    assert m.find_layers(file).total is None
