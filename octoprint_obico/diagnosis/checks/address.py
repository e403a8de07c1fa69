"""Is the server address usable as it stands?"""

from __future__ import annotations

from ...server.address import parse_address
from ...server.deadline import Deadline
from ...server.errors import AddressError
from ...server.proxy import proxy_for
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings


def check_address(known: Findings, deadline: Deadline) -> Finding:
    """Is the server address usable as it stands?"""
    try:
        address = parse_address(known.address_text)
    except AddressError as error:
        summary = N_("{address}: cannot be used") if "address" in error.facts else N_("empty")
        return Finding(Outcome.FAILED, summary, error.facts, error.cause, error.facts)
    known.address, known.proxy = address, proxy_for(address)
    if address.is_tls:
        known.trust = known.trust.prepared()
    return Finding(Outcome.PASSED, N_("{address}"), address.facts, None, address.facts)
