"""Every call into OctoPrint goes through here: what it, or a plugin of it, raises ends here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger("octoprint.plugins.obico.host")

T = TypeVar("T")


def guarded(call: Callable[[], T], fallback: T, what: str) -> T:
    """Return what `call` gives, or `fallback` where OctoPrint, or a plugin of it, raises."""
    try:
        return call()
    except Exception:
        log.debug("OctoPrint could not tell: %s", what, exc_info=True)
        return fallback


def took(call: Callable[[], object], what: str) -> bool:
    """Tell OctoPrint to do something; whether it did not raise."""

    def tell() -> bool:
        call()
        return True

    return guarded(tell, False, what)
