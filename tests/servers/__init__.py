"""Tests against servers that misbehave, on real sockets on loopback."""
