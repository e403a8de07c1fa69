"""Why a name does not resolve: what the operating system and each resolver said, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..server.causes import Cause
from .resolver_inquiry import DEFINITE, Answer
from .resolver_query import Said
from .resolvers import Origin

_IN_DOUBT = frozenset(
    {
        Cause.DNS_NAME_NOT_FOUND,
        Cause.DNS_NO_ADDRESS,
        Cause.DNS_SERVER_FAILURE,
        Cause.DNS_TIMEOUT,
        Cause.DNS_UNAVAILABLE,
    }
)
"""What the operating system says loosely, and each system in its own way."""

_MEANS: Mapping[Said, Cause] = {
    Said.NOT_FOUND: Cause.DNS_NAME_NOT_FOUND,
    Said.EMPTY: Cause.DNS_NO_ADDRESS,
}


def judge(os_cause: Cause, answers: Sequence[Answer]) -> Cause:
    """Return the cause of a name that the operating system did not resolve.

    The C library asks the resolvers in their order and takes the first NOERROR or NXDOMAIN; after
    an error, silence or a refusing port it goes on to the next (glibc, resolv/res_send.c). For all
    of the latter it says EAI_AGAIN; some systems say EAI_NONAME for everything. So, in this order:

    ===============================================  =============================================
    the resolvers                                    the cause
    ===============================================  =============================================
    none was asked; or the answer is blocked         the operating system's
    first that answers: NXDOMAIN                     dns_name_not_found
    first that answers: neither A nor AAAA           dns_no_address
    first that answers: addresses, and another       dns_server_failure where the system says "try
    question failed (e.g. AAAA: SERVFAIL)            again", for that failure explains it
    first that answers: addresses                    the operating system's: the trouble is on this
                                                     computer (hosts, nsswitch), or on the way
    nobody can be routed to                          network_down
    SERVFAIL, REFUSED, FORMERR, NOTIMP from any      dns_server_failure
    none is configured (127.0.0.1 is tried then)     dns_unavailable
    the ports of all refuse                          dns_unavailable
    silence                                          dns_timeout
    ===============================================  =============================================

    systemd-resolved turns the silence of the resolvers behind it into SERVFAIL or into silence of
    its own: then they are judged in its place, unless one of them answers.
    """
    if not answers or os_cause not in _IN_DOUBT:
        return os_cause
    deciding = _deciding(answers)
    first = first_that_answers(deciding)
    if first is None:
        return _nobody_answers(deciding)
    if first.said in _MEANS:
        return _MEANS[first.said]
    fails = any(reply.said is Said.FAILURE for answer in deciding for reply in answer.replies)
    return Cause.DNS_SERVER_FAILURE if fails and os_cause is Cause.DNS_TIMEOUT else os_cause


def _deciding(answers: Sequence[Answer]) -> list[Answer]:
    """The resolvers that this computer's programs ask, or those behind them (see `judge`)."""
    asked = [answer for answer in answers if answer.resolver.origin is not Origin.UPSTREAM]
    behind = [answer for answer in answers if answer.resolver.origin is Origin.UPSTREAM]
    passes_on = all(answer.said in (Said.FAILURE, Said.SILENT) for answer in asked)
    if behind and passes_on and not any(answer.said in DEFINITE for answer in behind):
        return behind
    return asked


def first_that_answers(answers: Sequence[Answer]) -> Answer | None:
    """The resolver whose answer the C library takes, if there is one."""
    return next((answer for answer in answers if answer.said in DEFINITE), None)


def _nobody_answers(answers: Sequence[Answer]) -> Cause:
    reached = {answer.said for answer in answers} - {Said.NO_ROUTE}
    if not reached:
        return Cause.NETWORK_DOWN
    if Said.FAILURE in reached:
        return Cause.DNS_SERVER_FAILURE
    if reached == {Said.REFUSED} or not is_configured(answers):
        return Cause.DNS_UNAVAILABLE
    return Cause.DNS_TIMEOUT


def is_configured(answers: Sequence[Answer]) -> bool:
    """Whether somebody chose these resolvers."""
    return any(answer.resolver.origin is not Origin.ASSUMED for answer in answers)


def listed(answers: Sequence[Answer]) -> str:
    """The resolvers for people, e.g. "192.168.1.1 (no answer), 8.8.8.8 (NXDOMAIN)"."""
    if answers and not is_configured(answers):
        return "none configured"
    return ", ".join(f"{answer.resolver.shown} ({answer.text})" for answer in answers)
