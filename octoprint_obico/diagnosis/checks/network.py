"""Is this computer connected to a network?"""

from __future__ import annotations

from ...server.deadline import Deadline
from ..catalogue import N_
from ..local.network import read_network
from ..result import Finding, Outcome
from .findings import Findings, skipped


def check_network(known: Findings, deadline: Deadline) -> Finding:
    """Is this computer connected to a network?

    Never fails: the server may live on this very computer. Where it cannot be reached, what was
    found here explains why.
    """
    network = read_network()
    if network is None:
        return skipped(N_("this system does not tell"))
    known.network = network
    shown = [f"{item.name}: {item.ips[0]}" for item in network.interfaces]
    facts = {"interfaces": ", ".join(shown[:4]), "gateway": network.gateway}
    evidence = {
        "interfaces": {item.name: list(item.addresses) for item in network.interfaces},
        "gateway": network.gateway,
        "gateway_interface": network.gateway_interface,
        "has_ipv6_route": network.has_ipv6_route,
    }
    if not network.interfaces:
        summary = N_("no interface but loopback is up")
    elif network.gateway is None:
        summary = N_("{interfaces}, no router")
    else:
        summary = N_("{interfaces}, router {gateway}")
    return Finding(Outcome.PASSED, summary, facts, None, evidence)
