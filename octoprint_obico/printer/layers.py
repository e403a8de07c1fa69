"""Where the layers of a G-code file begin, by the comments that slicers put there.

Each mark begins a layer, and the layers are counted: the numbers that slicers write start at 0, at
1, or below 0 for a raft, and start again for each object that is printed after another.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import IO, NamedTuple

MOST_LAYERS = 100_000
MOST_BYTES = 2**31
"""Larger files are not looked into."""

_CHUNK = 256 * 1024


class _Mark(NamedTuple):
    """A line that begins a layer: how it starts, and which bytes may follow."""

    start: bytes
    followed_by: bytes


_DIGITS, _LINE_END = b"-0123456789", b"\r\n"

# The slicers' own sources, or files of theirs where there is none. A file's first kind counts:
# users have their slicer write those of another as well.
_MARKS = (
    # PrusaSlicer, SuperSlicer, OrcaSlicer: Layer_Change among the reserved tags, GCodeProcessor.cpp
    _Mark(b"\n;LAYER_CHANGE", _LINE_END),
    # CuraEngine: GCodeExport::writeLayerComment, gcodeExport.cpp; ideaMaker
    _Mark(b"\n;LAYER:", _DIGITS),
    # Bambu Studio, OrcaSlicer for Bambu's printers: Layer_Change, GCodeProcessor.cpp
    _Mark(b"\n; CHANGE_LAYER", _LINE_END),
    # Simplify3D: "; layer 1, Z = 0.200"
    _Mark(b"\n; layer ", _DIGITS),
)
_REACH = max(len(mark.start) for mark in _MARKS) + 1
"""Bytes by which a mark and what follows it are known."""


class Layers:
    """The layers of one file.

    Args:
        starts: the positions in the file where they begin, in bytes, in order.
    """

    def __init__(self, starts: Sequence[int] = ()) -> None:
        self._starts = starts

    @property
    def total(self) -> int | None:
        """How many there are; None where the file does not tell."""
        return len(self._starts) or None

    def at(self, position: float) -> int | None:
        """The number of the layer at a position in the file, from 1; None before the first."""
        return bisect_right(self._starts, position) or None


def find_layers(file: IO[bytes], stop: Callable[[], bool] = lambda: False) -> Layers:
    """Look through a file, from its beginning to its end.

    Args:
        stop: asked between the chunks; what was found until then is of no use.
    """
    found = [array("Q") for _ in _MARKS]
    kept, at = b"\n", -1  # what was not looked through yet, and where in the file it is
    while not stop() and at < MOST_BYTES:
        chunk = file.read(_CHUNK)
        data = kept + (chunk or b"\n" * _REACH)
        safe = max(0, len(data) - _REACH)
        for mark, starts in zip(_MARKS, found):
            _collect(mark, data, safe, at, starts)
        kept, at = data[safe:], at + safe
        if any(len(starts) > MOST_LAYERS for starts in found):
            break
        if not chunk:
            return Layers(next((starts for starts in found if starts), ()))
    return Layers()


def _collect(mark: _Mark, data: bytes, safe: int, at: int, starts: array[int]) -> None:
    """Add the positions of a mark that begins in the first `safe` bytes of what is at `at`."""
    length = len(mark.start)
    index = data.find(mark.start)
    while 0 <= index < safe:
        if data[index + length] in mark.followed_by:
            starts.append(at + index + 1)
        index = data.find(mark.start, index + length)
