"""Tests: unit, against servers that misbehave, against real OctoPrint, and in a real browser."""
