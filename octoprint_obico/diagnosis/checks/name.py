"""Does the operating system find the server's name?"""

from __future__ import annotations

from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.transport import resolve
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, failed, skipped


def check_name(known: Findings, deadline: Deadline) -> Finding:
    """Does the operating system find the server's name?"""
    address = known.known_address
    if known.proxy:
        return skipped(N_("{host}: left to the proxy"), host=address.host)
    try:
        known.targets = resolve(address.host, address.port, deadline)
    except ChannelError as error:
        return failed(error, N_("{host}: not found"), host=address.host)
    ips = [target.ip for target in known.targets]
    facts = {"host": address.host, "ips": ", ".join(ips[:4])}
    return Finding(
        Outcome.PASSED, N_("{host} is {ips}"), facts, None, {"host": address.host, "addresses": ips}
    )
