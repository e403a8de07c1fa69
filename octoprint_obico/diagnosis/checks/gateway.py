"""Does the router answer?"""

from __future__ import annotations

from ...server.deadline import Deadline
from ..catalogue import N_
from ..local.router import ask_router
from ..result import Finding, Outcome
from .findings import Findings, skipped

_NAME_S = 1.0
"""How long to wait for the server's address: a router that is not needed is not asked."""


def check_gateway(known: Findings, deadline: Deadline) -> Finding:
    """Does the router answer?

    Never fails: what matters is whether the server can be reached. Where it cannot, a silent router
    explains why.
    """
    network = known.network
    if network is None or network.gateway is None or network.gateway_interface is None:
        return skipped(N_("no router"))
    known.progress.wait_for("dns", min(_NAME_S, deadline.remaining() / 2))
    if known.targets and all(network.is_near(target.ip) for target in known.targets):
        return skipped(N_("not needed: the server is in this computer's own network"))
    gateway, interface = network.gateway, network.gateway_interface
    answer = ask_router(gateway, interface, deadline)
    known.gateway_answers = answer.answers
    ms = None if answer.seconds is None else max(0.1, round(answer.seconds * 1000, 1))
    facts = {"gateway": gateway, "interface": interface, "ms": ms}
    evidence = {**facts, "answers": answer.answers, "seen": answer.seen}
    if answer.answers is None:
        summary = N_("{gateway} ignores pings: whether it is there cannot be told")
        return Finding(Outcome.SKIPPED, summary, facts, None, evidence)
    if not answer.answers:
        summary = N_("{gateway} does not answer")
    elif ms is None:
        summary = N_("{gateway} is there")
    else:
        summary = N_("{gateway} answers after {ms} ms")
    return Finding(Outcome.PASSED, summary, facts, None, evidence)
