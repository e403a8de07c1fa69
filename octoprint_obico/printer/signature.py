"""The signature of a file, by which the server knows it again (PROTOCOL 2.6)."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from typing import NamedTuple

_CHUNK = 256 * 1024
_MOST_KEPT = 50


class Signed(NamedTuple):
    """A file's signature and its size in bytes."""

    signature: str
    num_bytes: int


_Stamp = tuple[str, int, int]


class Signatures:
    """Computes signatures, and remembers those of files that have not changed. Thread-safe.

    A large file takes seconds: not for a thread on which anybody waits.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[_Stamp, Signed] = {}

    def of(self, path: str, is_over: Callable[[], bool]) -> Signed | None:
        """The signature of the file at this place on the disk; None where that ends before.

        Args:
            is_over: asked between two reads; ends the work.

        Raises:
            OSError: it cannot be read, or somebody writes to it.
        """
        stamp = _stamp(path)
        with self._lock:
            known = self._known.get(stamp)
        if known is not None:
            return known
        digest, size = hashlib.md5(usedforsecurity=False), 0
        with open(path, "rb") as file:
            while piece := file.read(_CHUNK):
                if is_over():
                    return None
                digest.update(piece)
                size += len(piece)
                if size > stamp[1]:  # it grows, perhaps without end
                    break
        if _stamp(path) != stamp:
            raise OSError("the file has changed while it was read")
        signed = Signed(f"md5:{digest.hexdigest()}", size)
        self._keep(stamp, signed)
        return signed

    def _keep(self, stamp: _Stamp, signed: Signed) -> None:
        with self._lock:
            while len(self._known) >= _MOST_KEPT:
                del self._known[next(iter(self._known))]
            self._known[stamp] = signed


def _stamp(path: str) -> _Stamp:
    found = os.stat(path)
    return path, found.st_size, found.st_mtime_ns
