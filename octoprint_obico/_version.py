"""The plugin's version, in the one place where it is written (PEP 440)."""

__version__ = "3.0.0"
