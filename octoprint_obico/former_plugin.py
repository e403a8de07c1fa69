"""The plugin of the same makers that came before this one, and what is taken over from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .server.address import parse_address
from .server.errors import AddressError

IDENTIFIER = "thespaghettidetective"
NAME = "Access Anywhere - The Spaghetti Detective"


def taken_over(own_token: str | None, former: object) -> dict[str, str]:
    """What to store of the former plugin's settings: nothing where this one is linked already.

    Its address comes along with its token; the service's former name, which answers no more, and
    an address that cannot be used do not.
    """
    if own_token or not isinstance(former, Mapping):
        return {}
    token = former.get("auth_token")
    if not isinstance(token, str) or not token.strip():
        return {}
    kept = {"auth_token": token.strip()}
    kept.update(_usable_address(former))
    return kept


def _usable_address(former: Mapping[str, Any]) -> dict[str, str]:
    try:
        address = parse_address(str(former.get("endpoint_prefix") or ""))
    except AddressError:
        return {}
    return {"endpoint_prefix": address.url}
