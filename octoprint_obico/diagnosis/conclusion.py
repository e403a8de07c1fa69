"""Rules that find the root cause where no single check can: what one has seen explains another.

A check that fails knows its own layer alone. "No answer to the connect" is an echo where the router
is gone as well. Each rule looks at the whole and may say which row is the first broken layer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..server.causes import Cause
from ..server.transport import is_sent_home
from .catalogue import N_
from .checks.findings import Findings
from .result import CheckResult, Finding, Outcome, root_failure

_SILENT = frozenset(
    {
        Cause.DNS_TIMEOUT,
        Cause.DNS_UNAVAILABLE,
        Cause.CONNECTION_TIMED_OUT,
        Cause.HOST_UNREACHABLE,
        Cause.NETWORK_DOWN,
    }
)
"""Failures that a missing network can be the reason for: nobody has answered."""

_SOMEBODY_ELSE = frozenset(
    {
        Cause.HTTPS_REQUIRED,
        Cause.TLS_NOT_SPOKEN,
        Cause.TLS_SELF_SIGNED,
        Cause.TLS_UNTRUSTED_ISSUER,
        Cause.TLS_HOSTNAME_MISMATCH,
        Cause.TLS_HANDSHAKE_FAILED,
        Cause.NOT_HTTP,
        Cause.NOT_AN_OBICO_SERVER,
        Cause.ADDRESS_REDIRECTED,
        Cause.ACCESS_DENIED,
        Cause.CONNECTION_RESET,
    }
)
"""Failures that show that what answers is not the Obico Server that was asked for."""


@dataclass(frozen=True)
class Scene:
    """A run that has ended in a failure.

    Attributes:
        root: the first broken layer, by the checks alone.
    """

    root: CheckResult
    known: Findings

    @property
    def cause(self) -> Cause | None:
        return self.root.finding.cause


@dataclass(frozen=True)
class Rule:
    """Which row is broken in truth, if what it asks for is so."""

    check: str
    finds: Callable[[Scene], Finding | None]


def conclude(
    checks: Sequence[CheckResult], known: Findings, order: tuple[str, ...]
) -> list[CheckResult]:
    """Return the results with the row of the root cause failed, where a rule finds one."""
    root = root_failure(list(checks), order)
    if root is None:
        return list(checks)
    scene = Scene(root, known)
    for rule in RULES:
        finding = rule.finds(scene)
        if finding is not None:
            return [_replaced(check, rule.check, finding) for check in checks]
    return list(checks)


def _replaced(check: CheckResult, name: str, finding: Finding) -> CheckResult:
    if check.id != name:
        return check
    whole = dataclasses.replace(finding, evidence={**check.finding.evidence, **finding.evidence})
    return dataclasses.replace(check, finding=whole)


def _network_down(scene: Scene) -> Finding | None:
    """Nothing but loopback is up. (Without a route, the layers above see it themselves.)"""
    network = scene.known.network
    if network is None or network.interfaces or scene.cause not in _SILENT or _is_near(scene):
        return None
    summary = N_("no interface but loopback is up")
    facts = {**scene.known.known_address.facts, "reason": scene.root.finding.facts.get("error")}
    return Finding(Outcome.FAILED, summary, facts, Cause.NETWORK_DOWN, facts)


def _gateway_unreachable(scene: Scene) -> Finding | None:
    """The router is silent, and so is what lies behind it."""
    known = scene.known
    if known.gateway_answers is not False or scene.cause not in _SILENT or known.network is None:
        return None
    if _is_near(scene):
        return None  # in this computer's own network: no router is needed
    facts = {
        "gateway": known.network.gateway,
        "interface": known.network.gateway_interface,
        "host": known.known_address.host,
    }
    summary = N_("{gateway} answers neither ARP nor ping")
    return Finding(Outcome.FAILED, summary, facts, Cause.GATEWAY_UNREACHABLE, facts)


def _is_near(scene: Scene) -> bool:
    """Whether what could not be reached is in this computer's own network, or may be: a proxy."""
    known = scene.known
    if known.proxy or known.network is None:
        return True
    return bool(known.targets) and all(known.network.is_near(t.ip) for t in known.targets)


def _dns_blocked(scene: Scene) -> Finding | None:
    """A public name leads to this very computer, where something else answers."""
    known = scene.known
    if scene.cause not in _SOMEBODY_ELSE:
        return None
    host = known.known_address.host
    if not is_sent_home(host, known.targets):
        return None
    facts = {"host": host, "addresses": [target.ip for target in known.targets]}
    return Finding(Outcome.FAILED, N_("{host}: blocked"), facts, Cause.DNS_BLOCKED, facts)


RULES: tuple[Rule, ...] = (
    Rule("network", _network_down),
    Rule("gateway", _gateway_unreachable),
    Rule("dns", _dns_blocked),
)
"""The first that applies wins: the lower layer stands first."""
