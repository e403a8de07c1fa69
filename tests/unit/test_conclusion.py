"""The rules that look at the whole run: which row is the first broken layer."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from octoprint_obico.diagnosis.checks.findings import Findings
from octoprint_obico.diagnosis.conclusion import conclude
from octoprint_obico.diagnosis.local.network import Interface, Network
from octoprint_obico.diagnosis.result import CheckResult, Finding, Outcome, root_failure
from octoprint_obico.server.address import parse_address
from octoprint_obico.server.causes import Cause
from octoprint_obico.server.transport import Target

ORDER = ("address", "network", "gateway", "dns", "connect", "tls", "http")
HOME = Interface("eth0", ("192.168.1.5/24",))
ROUTED = Network((HOME,), "192.168.1.1", "eth0", False)
NO_ROUTE = Network((HOME,), None, None, False)
NOTHING = Network((), None, None, False)


def _results(failed: str, cause: Cause) -> list[CheckResult]:
    """All layers below have passed, those above were not tried."""
    place = ORDER.index(failed)
    outcomes = [
        Outcome.PASSED if i < place else Outcome.FAILED if i == place else Outcome.SKIPPED
        for i in range(len(ORDER))
    ]
    return [
        CheckResult(
            name,
            name,
            Finding(outcome, "x", {}, cause if outcome is Outcome.FAILED else None, {"own": name}),
            0,
            1,
        )
        for name, outcome in zip(ORDER, outcomes)
    ]


def _known(url: str = "https://obico.example", *ips: str, **more: Any) -> Findings:
    known = Findings(url, None, "agent", None)
    known.address = parse_address(url)
    known.targets = [Target(socket.AF_INET, (ip, 443)) for ip in ips]
    for name, value in more.items():
        setattr(known, name, value)
    return known


def _root(failed: str, cause: Cause, known: Findings) -> tuple[str, Cause | None]:
    root = root_failure(conclude(_results(failed, cause), known, ORDER), ORDER)
    assert root is not None
    return root.id, root.finding.cause


@pytest.mark.parametrize(
    ("failed", "cause"),
    [("dns", Cause.DNS_TIMEOUT), ("dns", Cause.DNS_UNAVAILABLE), ("connect", Cause.NETWORK_DOWN)],
)
def test_nothing_but_loopback_explains_silence(failed: str, cause: Cause) -> None:
    assert _root(failed, cause, _known(network=NOTHING)) == ("network", Cause.NETWORK_DOWN)


def test_a_name_server_may_be_near_without_a_default_route() -> None:
    known = _known(network=NO_ROUTE)
    assert _root("dns", Cause.DNS_UNAVAILABLE, known) == ("dns", Cause.DNS_UNAVAILABLE)


@pytest.mark.parametrize(
    ("failed", "cause"),
    [
        ("dns", Cause.DNS_NAME_NOT_FOUND),  # somebody has answered
        ("connect", Cause.CONNECTION_REFUSED),
        ("tls", Cause.TLS_CERTIFICATE_EXPIRED),
    ],
)
def test_an_answer_shows_that_the_network_works(failed: str, cause: Cause) -> None:
    known = _known(network=NOTHING, gateway_answers=False)
    assert _root(failed, cause, known) == (failed, cause)


@pytest.mark.parametrize(
    ("failed", "cause"),
    [("dns", Cause.DNS_TIMEOUT), ("connect", Cause.CONNECTION_TIMED_OUT)],
)
def test_a_silent_router_explains_silence(failed: str, cause: Cause) -> None:
    known = _known("https://obico.example", "203.0.113.5", network=ROUTED, gateway_answers=False)
    assert _root(failed, cause, known) == ("gateway", Cause.GATEWAY_UNREACHABLE)


@pytest.mark.parametrize("answers", [True, None])
def test_a_router_that_answers_or_is_not_known_explains_nothing(answers: bool | None) -> None:
    known = _known("https://obico.example", "203.0.113.5", network=ROUTED, gateway_answers=answers)
    root = _root("connect", Cause.CONNECTION_TIMED_OUT, known)
    assert root == ("connect", Cause.CONNECTION_TIMED_OUT)


@pytest.mark.parametrize("ip", ["192.168.1.77", "127.0.0.1"])
def test_a_server_in_the_same_network_needs_no_router(ip: str) -> None:
    known = _known(f"http://{ip}:3334", ip, network=ROUTED, gateway_answers=False)
    root = _root("connect", Cause.HOST_UNREACHABLE, known)
    assert root == ("connect", Cause.HOST_UNREACHABLE)


def test_the_evidence_of_the_row_itself_stays() -> None:
    checks = conclude(_results("dns", Cause.DNS_TIMEOUT), _known(network=NOTHING), ORDER)
    network = next(check for check in checks if check.id == "network")
    assert network.finding.evidence["own"] == "network"


def test_success_is_left_alone() -> None:
    checks = [CheckResult(name, name, Finding(Outcome.PASSED, "x"), 0, 1) for name in ORDER]
    assert conclude(checks, _known(network=NOTHING, gateway_answers=False), ORDER) == checks
