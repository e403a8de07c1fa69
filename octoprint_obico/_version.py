"""The plugin's version, in the one place where it is written (PEP 440)."""

__version__ = "3.0.0"

RELEASED: float = 1793491200.0
"""A day shortly before this version's release (1 November 2026), in Unix seconds: a clock that is
before it is wrong. Moved with the version."""
