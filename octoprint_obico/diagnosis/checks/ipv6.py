"""Does IPv6 go anywhere, where the server has it?"""

from __future__ import annotations

import errno
import socket

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.transport import connect
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, skipped

PATIENCE_S = 3.0
"""A lost SYN is sent again after 1 s; what has not answered by then is not slow but gone."""

_NO_IPV6_HERE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_NAMES_OF_NO_IPV6 = frozenset(errno.errorcode[code] for code in _NO_IPV6_HERE)


def check_ipv6(known: Findings, deadline: Deadline) -> Finding:
    """Does IPv6 go anywhere, where the server has it?

    The channels do not need it, they race both; but every other program on this computer loses
    seconds with an IPv6 that leads nowhere.
    """
    address = known.known_address
    over_ipv6 = [target for target in known.targets if target.family == socket.AF_INET6]
    if not over_ipv6 or len(over_ipv6) == len(known.targets):
        return skipped(N_("the server has only one kind of address"))
    if address.host == "localhost":  # usually both, and nobody minds which of them answers
        return skipped(N_("not needed on this computer itself"))
    seen = {"ipv6": [target.ip for target in over_ipv6]}
    try:
        sock, tried = connect(over_ipv6, address.host, address.port, deadline.within(PATIENCE_S))
    except ChannelError as error:
        answers = [str(answer) for answer in error.facts.get("addresses", ())]
        has_route = known.network is not None and known.network.has_ipv6_route
        if (
            not has_route
            and answers
            and all(answer.endswith(tuple(_NAMES_OF_NO_IPV6)) for answer in answers)
        ):
            return skipped(N_("this computer has no IPv6"))  # most homes; harmless
        facts = {**address.facts, **seen, "error": error.message}
        return Finding(Outcome.WARNED, N_("no connection"), facts, Cause.IPV6_BROKEN, facts)
    sock.close()
    facts = {"ip": tried[-1].ip, "ms": round(tried[-1].seconds * 1000)}
    return Finding(Outcome.PASSED, N_("{ip} answers after {ms} ms"), facts, None, {**seen, **facts})
