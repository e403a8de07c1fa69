"""Does the operating system find the server's name, and if not: what do the resolvers say?

The operating system is asked first, for it is what the live channels use. Only where it fails, or
takes long, each resolver is asked directly, to say why; what they answer is evidence, never used.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.transport import resolve
from ..catalogue import N_
from ..resolver_inquiry import Answer, Inquiry, is_multicast
from ..resolver_judge import first_that_answers, judge, listed
from ..resolver_query import Said
from ..result import Finding, Outcome
from .findings import Findings, failed, skipped

_PATIENCE_S = 5.7
"""For the operating system: one silent resolver before one that answers (5 s, resolv.conf(5))."""

_SUMMARIES: Mapping[Cause, str] = {
    Cause.DNS_NAME_NOT_FOUND: N_("{host}: not found. Name servers: {resolvers}"),
    Cause.DNS_NO_ADDRESS: N_("{host}: exists, but has no address. Name servers: {resolvers}"),
    Cause.DNS_SERVER_FAILURE: N_("{host}: the name server fails. Name servers: {resolvers}"),
    Cause.DNS_TIMEOUT: N_("{host}: no answer in time. Name servers: {resolvers}"),
    Cause.DNS_UNAVAILABLE: N_("{host}: nobody to ask. Name servers: {resolvers}"),
    Cause.DNS_BLOCKED: N_("{host}: blocked with {addresses}. Name servers: {resolvers}"),
    Cause.NETWORK_DOWN: N_("{host}: no way to a name server. Name servers: {resolvers}"),
}
_NOBODY_ASKED = N_("{host}: not found ({os})")
_MULTICAST = N_("{host}: not found. Names in .local need mDNS (package avahi-daemon)")
_HERE = N_("{host}: not found by this computer ({os}). Its name servers answer: {resolvers}")
_BLOCKED_HERE = N_(
    "{host}: blocked with {addresses} by this computer itself, e.g. in /etc/hosts. "
    "Name servers: {resolvers}"
)


class _Patience(Deadline):
    """Gives the operating system longer where a resolver has told us the address meanwhile.

    Then its question or the answer got lost on the way, and it is about to ask again; it waits 5 s
    before it does.
    """

    def __init__(self, inquiry: Inquiry, deadline: Deadline) -> None:
        super().__init__(min(_PATIENCE_S, deadline.remaining()))
        self._inquiry, self._whole = inquiry, deadline

    def remaining(self) -> float:
        usual = super().remaining()
        if usual > 0 or not self._inquiry.started:
            return usual
        first = first_that_answers(self._inquiry.answers())
        answered = first is not None and first.said is Said.ADDRESSES
        return self._whole.remaining() if answered else usual


def check_name(known: Findings, deadline: Deadline) -> Finding:
    """Does the operating system find the server's name, and if not: why?"""
    address = known.known_address
    if known.proxy:
        return skipped(N_("{host}: left to the proxy"), host=address.host)
    inquiry = Inquiry(address.host, known.resolvers, deadline)
    try:
        with inquiry.beside():
            known.targets = resolve(address.host, address.port, _Patience(inquiry, deadline))
    except ChannelError as error:
        return _unresolved(error, address.host, inquiry)
    ips = [target.ip for target in known.targets]
    facts = {"host": address.host, "ips": ", ".join(ips[:4])}
    evidence: dict[str, Any] = {"host": address.host, "addresses": ips}
    if inquiry.started:  # it was slow: who has kept it waiting?
        evidence["resolvers"] = [answer.evidence for answer in inquiry.answers()]
    return Finding(Outcome.PASSED, N_("{host} is {ips}"), facts, None, evidence)


def _unresolved(error: ChannelError, host: str, inquiry: Inquiry) -> Finding:
    """The finding for a name that the operating system does not resolve."""
    if is_multicast(host) and error.cause is Cause.DNS_NAME_NOT_FOUND:
        answers: list[Answer] = []  # the resolvers have no say in this (RFC 6762, section 3)
    else:
        answers = inquiry.wait()
    cause = judge(error.cause, answers)
    heard = _heard(error)
    finding = failed(
        ChannelError(cause, error.stage, error.message, error.facts),
        _summary(host, error.cause, cause, answers),
        os=heard,
        resolvers=listed(answers),
    )
    resolvers = [answer.evidence for answer in answers]
    return dataclasses.replace(finding, evidence={**finding.evidence, "resolvers": resolvers})


def _heard(error: ChannelError) -> str:
    """What the operating system said."""
    origin = error.__cause__
    text = origin.strerror if isinstance(origin, socket.gaierror) else None
    return text or error.message


def _summary(host: str, os_cause: Cause, cause: Cause, answers: Sequence[Answer]) -> str:
    if is_multicast(host) and cause is Cause.DNS_NAME_NOT_FOUND:
        return _MULTICAST
    first = first_that_answers(answers)
    if first is not None and first.said is Said.ADDRESSES:
        if cause is Cause.DNS_BLOCKED and not _is_blocked(first):
            return _BLOCKED_HERE
        if cause is os_cause is not Cause.DNS_BLOCKED:
            return _HERE
    return _SUMMARIES.get(cause, _NOBODY_ASKED) if answers else _NOBODY_ASKED


def _is_blocked(answer: Answer) -> bool:
    """Whether a resolver's answer names no other machine."""
    found = [ipaddress.ip_address(ip) for ip in answer.addresses]
    return any(ip.is_unspecified or ip.is_loopback for ip in found)
