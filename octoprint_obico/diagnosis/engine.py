"""Runs the checks side by side within one deadline and draws one conclusion."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..server.causes import Cause
from ..server.deadline import Deadline
from ..webcam.snapshot import Webcam
from .catalogue import N_
from .checks.address import check_address
from .checks.clock import check_clock
from .checks.connect import check_connect
from .checks.credentials import check_credentials
from .checks.findings import Findings, skipped
from .checks.gateway import check_gateway
from .checks.http import check_http
from .checks.ipv6 import check_ipv6
from .checks.latency import check_latency
from .checks.loss import check_loss
from .checks.name import check_name
from .checks.network import check_network
from .checks.power import check_power
from .checks.size import check_size
from .checks.tls import check_tls
from .checks.webcam import check_webcam
from .checks.websocket import check_websocket
from .checks.wifi import check_wifi
from .conclusion import conclude
from .result import CheckResult, Finding, Outcome

log = logging.getLogger("octoprint.plugins.obico.diagnosis")

_MARGIN = 1 / 30
"""Part of the deadline that is kept back to draw the conclusion; the checks themselves keep back
as much again, so that they end with what they have seen instead of being left behind."""


@dataclass(frozen=True)
class Check:
    """One check as a row of the plan.

    Attributes:
        requires: checks that must not have failed, or this one is skipped.
        budget_s: its own time limit, within the run's deadline.
        timeout_cause: what it means when it does not finish; None for a check on the side, whose
            own trouble says nothing about the server.
    """

    id: str
    title: str
    run: Callable[[Findings, Deadline], Finding]
    requires: tuple[str, ...]
    budget_s: float
    timeout_cause: Cause | None


PLAN: tuple[Check, ...] = (
    Check("address", N_("Address"), check_address, (), 2.0, Cause.UNKNOWN_ERROR),
    Check("network", N_("Network"), check_network, (), 3.0, None),
    Check("wifi", N_("Wi-Fi"), check_wifi, ("network",), 3.0, None),
    Check("power", N_("Power"), check_power, (), 3.0, None),
    Check("gateway", N_("Router"), check_gateway, ("network",), 3.0, None),
    Check("dns", N_("Name"), check_name, ("address",), 10.5, Cause.DNS_TIMEOUT),
    Check("connect", N_("Connect"), check_connect, ("dns",), 7.0, Cause.CONNECTION_TIMED_OUT),
    Check("ipv6", N_("IPv6"), check_ipv6, ("connect",), 4.0, None),
    Check("loss", N_("Lost packets"), check_loss, ("connect",), 7.0, None),
    Check("latency", N_("Round trip"), check_latency, ("loss",), 1.0, None),
    Check("size", N_("Large packets"), check_size, ("connect",), 12.0, None),
    Check("tls", N_("TLS"), check_tls, ("connect",), 7.0, Cause.TLS_HANDSHAKE_FAILED),
    Check("http", N_("HTTP"), check_http, ("tls",), 7.0, Cause.RESPONSE_TIMED_OUT),
    Check("clock", N_("Clock"), check_clock, ("http",), 1.0, None),
    Check("credentials", N_("Credentials"), check_credentials, ("http",), 1.0, Cause.UNKNOWN_ERROR),
    Check(
        "websocket",
        N_("WebSocket"),
        check_websocket,
        ("tls",),
        12.0,
        Cause.WEBSOCKET_HANDSHAKE_TIMED_OUT,
    ),
)

SERVER_ORDER = tuple(check.id for check in PLAN)
"""The layers, lowest first: the root cause is the first that has failed."""

_WEBCAM_TITLE = N_("Webcam")
_WEBCAM_BUDGET_S = 9.0


class _Run:
    """One run: starts what can be started, collects what has ended."""

    def __init__(
        self,
        known: Findings,
        webcams: Sequence[Webcam],
        deadline_s: float,
        on_check: Callable[[CheckResult], None],
    ) -> None:
        self._known, self._on_check = known, on_check
        self._progress = known.progress
        self._deadline = Deadline(deadline_s * (1 - _MARGIN))
        self._checks_end = Deadline(deadline_s * (1 - 2 * _MARGIN))
        self._webcams = webcams
        self._started_at = time.monotonic()
        self._ended: queue.Queue[tuple[str, CheckResult]] = queue.Queue()
        self._running: dict[str, tuple[Check, int]] = {}
        self._done: dict[str, CheckResult] = {}
        self._waiting = list(PLAN)

    def results(self) -> list[CheckResult]:
        """Run to the end, or to the deadline; return the results in the order of the layers."""
        for index, webcam in enumerate(self._webcams):
            self._start(f"webcam:{index}", _webcam_check(webcam), webcam.name)
        self._start_ready()
        while self._running and not self._deadline.over:
            try:
                key, result = self._ended.get(timeout=max(self._deadline.remaining(), 0.001))
            except queue.Empty:
                break
            if key in self._running:
                self._finish(key, result)
                self._start_ready()
        for key, (check, started_ms) in list(self._running.items()):
            self._finish(key, self._timed_out(check, started_ms, key))
        for check in list(self._waiting):
            self._consider(check, may_start=False)
        self._known.close()
        order = {name: place for place, name in enumerate(SERVER_ORDER)}
        order.update({f"webcam:{i}": len(order) + i for i in range(len(self._webcams))})
        done = [self._done[key] for key in sorted(self._done, key=order.__getitem__)]
        return conclude(done, self._known, SERVER_ORDER)

    def _start_ready(self) -> None:
        """Start what has what it requires; skip what will never have it; until nothing changes."""
        before = -1
        while before != len(self._waiting):
            before = len(self._waiting)
            for check in list(self._waiting):
                self._consider(check)

    def _consider(self, check: Check, *, may_start: bool = True) -> None:
        needed = [self._done.get(name) for name in check.requires]
        now = self._elapsed_ms()
        broken = [r for r in needed if r is not None and _blocks(r)]
        if broken:
            self._waiting.remove(check)
            root = broken[0]
            # the root of the skips, not their last link
            is_echo = root.outcome is Outcome.SKIPPED
            title = root.finding.facts["title"] if is_echo else root.title
            finding = skipped(N_("not tried: “{title}” has failed"), title=title)
            self._finish(check.id, CheckResult(check.id, check.title, finding, now, 0))
        elif not may_start:
            self._waiting.remove(check)
            self._finish(check.id, self._timed_out(check, now, check.id))
        elif None not in needed:
            self._waiting.remove(check)
            self._start(check.id, check)

    def _start(self, key: str, check: Check, subject: str = "") -> None:
        started_ms = self._elapsed_ms()
        self._running[key] = (check, started_ms)
        self._progress.now_running(frozenset(self._running))

        def work() -> None:
            finding = _guarded(check, self._known, self._checks_end.within(check.budget_s))
            duration = self._elapsed_ms() - started_ms
            result = CheckResult(check.id, check.title, finding, started_ms, duration, subject)
            self._ended.put((key, result))

        threading.Thread(target=work, name=f"obico-check-{check.id}", daemon=True).start()

    def _finish(self, key: str, result: CheckResult) -> None:
        self._running.pop(key, None)
        self._done[key] = result
        self._progress.note(result)
        self._progress.now_running(frozenset(self._running))
        self._on_check(result)

    def _timed_out(self, check: Check, started_ms: int, key: str) -> CheckResult:
        if check.timeout_cause is None:
            finding = skipped(N_("no result in time"))
            return CheckResult(
                check.id, check.title, finding, started_ms, self._elapsed_ms() - started_ms
            )
        subject, facts = "", self._facts()
        if key.startswith("webcam:"):
            webcam = self._webcams[int(key.partition(":")[2])]
            subject, facts = webcam.name, webcam.facts
        finding = Finding(
            Outcome.FAILED,
            N_("no result in time"),
            facts,
            check.timeout_cause,
            {**facts, "timed_out": True},
        )
        duration = self._elapsed_ms() - started_ms
        return CheckResult(check.id, check.title, finding, started_ms, duration, subject)

    def _facts(self) -> dict[str, Any]:
        address = self._known.address
        return {**(address.facts if address is not None else {}), "reason": "no answer in time"}

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._started_at) * 1000)


def _blocks(result: CheckResult) -> bool:
    """A failed check, or one skipped because of a failed one, keeps others from running.

    TLS skipped for a plain address, or a name left to the proxy, does not.
    """
    if result.outcome is Outcome.FAILED:
        return True
    return result.outcome is Outcome.SKIPPED and "title" in result.finding.facts


def _webcam_check(webcam: Webcam) -> Check:
    def run(known: Findings, deadline: Deadline) -> Finding:
        return check_webcam(webcam, deadline)

    return Check("webcam", _WEBCAM_TITLE, run, (), _WEBCAM_BUDGET_S, Cause.WEBCAM_TIMED_OUT)


def _guarded(check: Check, known: Findings, deadline: Deadline) -> Finding:
    """Run one check; a fault of ours is an unknown error with its type, never an exception."""
    try:
        return check.run(known, deadline)
    except Exception as error:
        log.exception("The check %s failed unexpectedly", check.id)
        summary, facts = N_("unexpected error ({error})"), {"error": type(error).__name__}
        if check.timeout_cause is None:
            return Finding(Outcome.SKIPPED, summary, facts, None, facts)
        return Finding(Outcome.FAILED, summary, facts, Cause.UNKNOWN_ERROR, facts)


def run_checks(
    known: Findings,
    webcams: Sequence[Webcam],
    deadline_s: float,
    on_check: Callable[[CheckResult], None] | None = None,
) -> list[CheckResult]:
    """Run all checks and return their results, within `deadline_s` seconds whatever happens."""
    run = _Run(known, webcams, deadline_s, on_check or (lambda result: None))
    return run.results()
