"""Integration tests run against real OctoPrints: see ``bench`` in tests/conftest.py."""
