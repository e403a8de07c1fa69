"""A diagnosis as a piece of work: run once in the foreground, or in the background for TEST."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..server.address import parse_address, shown_text
from ..server.errors import AddressError
from ..server.trust import NO_EXTRA, Trust
from ..webcam.snapshot import Webcam
from .checks.findings import Findings
from .engine import DEADLINE_S, run_checks
from .probes import Probe
from .resolvers import Resolver, read_resolvers
from .result import CheckResult
from .texts import Translate, render_check, render_result

log = logging.getLogger("octoprint.plugins.obico.diagnosis")


@dataclass(frozen=True)
class Request:
    """What is to be diagnosed."""

    address: str
    token: str | None
    webcams: Sequence[Webcam]
    websocket: Probe | None
    user_agent: str
    plugin_version: str
    deadline_s: float = DEADLINE_S
    trust: Trust = NO_EXTRA
    resolvers: Callable[[], Sequence[Resolver]] = read_resolvers
    """Says whom to ask why a name does not resolve; called only then."""
    throttled: int | None = None
    """The bits of the Raspberry Pi's `get_throttled`, where the host knows them."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must stand in no output."""
        return (self.token,) if self.token else ()


@dataclass(frozen=True)
class Done:
    """A finished diagnosis, still without words."""

    request: Request
    checks: tuple[CheckResult, ...]
    started_at: float
    duration_ms: int

    def render(self, translate: Translate) -> dict[str, Any]:
        """The result of the DIAGNOSIS contract, in words."""
        request = self.request
        return render_result(
            self.checks,
            server=shown_address(request.address),
            started_at=self.started_at,
            duration_ms=self.duration_ms,
            plugin_version=request.plugin_version,
            secrets=request.secrets,
            translate=translate,
        )


def shown_address(text: str) -> str:
    """An address as it may be shown: normalised where it can be, else redacted."""
    try:
        return parse_address(text).url
    except AddressError:
        return shown_text(text)


def diagnose(request: Request, on_check: Callable[[CheckResult], None] | None = None) -> Done:
    """Run one diagnosis to its end; takes up to `request.deadline_s` seconds."""
    started_at, began = time.time(), time.monotonic()
    known = Findings(
        request.address,
        request.token,
        request.user_agent,
        request.websocket,
        request.trust,
        resolvers=request.resolvers,
        throttled=request.throttled,
    )
    checks = run_checks(known, request.webcams, request.deadline_s, on_check)
    return Done(request, tuple(checks), started_at, round((time.monotonic() - began) * 1000))


class DiagnosisJob:
    """Runs at most one diagnosis at a time in the background and keeps the last one.

    Args:
        request: makes the request for a run from what is configured at that moment.
        announce: called after each check and at the end, from the job's threads.
        on_done: called once at the end of each run, before `announce`.
    """

    def __init__(
        self,
        request: Callable[[], Request],
        announce: Callable[[], None],
        on_done: Callable[[Done], None],
    ) -> None:
        self._request, self._announce, self._on_done = request, announce, on_done
        self._lock = threading.Lock()
        self._run_id: str | None = None
        self._running = False
        self._checks: list[CheckResult] = []
        self._secrets: tuple[str, ...] = ()
        self._done: Done | None = None

    def start(self) -> str:
        """Start a diagnosis, or join the one that runs; return its id. Never waits."""
        with self._lock:
            if self._running and self._run_id is not None:
                return self._run_id
            run_id = uuid.uuid4().hex[:12]
            self._run_id, self._running, self._checks = run_id, True, []
        try:
            threading.Thread(target=self._work, name="obico-diagnosis", daemon=True).start()
        except RuntimeError:  # no more threads: the next press must not join a run that never was
            with self._lock:
                self._running = False
            raise
        return run_id

    def _work(self) -> None:
        done = None
        try:
            request = self._request()
            self._secrets = request.secrets
            done = diagnose(request, self._note)
            self._on_done(done)
        except Exception:  # whoever waits for the run must see its end; the fault is logged
            log.exception("The diagnosis failed unexpectedly")
        finally:
            with self._lock:
                self._done, self._running = done, False
            self._announce()

    def _note(self, check: CheckResult) -> None:
        with self._lock:
            self._checks.append(check)
        self._announce()

    def state(self, translate: Translate) -> Mapping[str, Any]:
        """What `GET api/diagnosis` answers: the run, its checks so far, and its result."""
        with self._lock:
            running, checks = self._running, list(self._checks)
            done, run_id = self._done, self._run_id
        state = "none" if run_id is None else "running" if running else "finished"
        finished = done.render(translate) if done is not None and not running else None
        rendered = [render_check(check, translate, self._secrets) for check in checks]
        if finished is not None:
            rendered = finished["checks"]
        return {"run": run_id, "state": state, "checks": rendered, "result": finished}

    def last(self) -> Done | None:
        """The most recent finished diagnosis."""
        with self._lock:
            return self._done
