"""A small slicer: G-code of a hollow cube as slicers write it, that takes as long as it says."""

from __future__ import annotations

import math
from collections.abc import Iterator

SIDE_MM = 20.0
LAYER_MM = 0.2
NOZZLE_C, BED_C = 60, 30
"""Low, as the virtual printer gains a few degrees in a second."""

_FILAMENT_PER_MM = 0.033


def cube(layers: int, layer_s: float) -> str:
    """G-code that takes about `layers` times `layer_s` seconds, and what heating takes before."""
    return "\n".join(_lines(layers, layer_s)) + "\n"


def height_mm(layers: int) -> float:
    """How high the cube is."""
    return round(layers * LAYER_MM, 3)


def _lines(layers: int, layer_s: float) -> Iterator[str]:
    yield from (
        "; a hollow cube",
        f"; total layer number: {layers}",
        f";LAYER_COUNT:{layers}",
        f"M140 S{BED_C}",
        f"M104 S{NOZZLE_C}",
        f"M190 S{BED_C}",
        f"M109 S{NOZZLE_C}",
        "G21",
        "G90",
        "M82",
        "G28",
        "G92 E0",
        "M107",
        "M220 S100",
    )
    feed, pause_ms = 6000, layer_s / 4 * 1000
    extruded = 0.0
    corners = ((100.0, 100.0), (120.0, 100.0), (120.0, 120.0), (100.0, 120.0), (100.0, 100.0))
    for layer in range(layers):
        yield f";LAYER:{layer}"
        yield f"M73 P{100 * layer // layers} R{math.ceil((layers - layer) * layer_s / 60)}"
        if layer == 1:
            yield "M106 S255"
        yield f"G1 X{corners[0][0]} Y{corners[0][1]} Z{(layer + 1) * LAYER_MM:.3f} F{feed}"
        for x, y in corners[1:]:
            extruded += SIDE_MM * _FILAMENT_PER_MM
            yield f"G1 X{x} Y{y} E{extruded:.5f} F{feed}"
            # OctoPrint's virtual printer takes its time for a pause, and hardly any for a move
            yield f"G4 P{pause_ms:.0f}"
    yield from ("M107", "M104 S0", "M140 S0", "G91", "G1 Z5 F600", "G90", "M84")
