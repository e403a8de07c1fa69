"""A diagnosis as a piece of work: run once in the foreground, or in the background for TEST.

The checks, their texts and the libraries behind them are loaded for the first run: a plugin that
works needs none of them, and a Raspberry Pi is short of memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..server.address import parse_address, shown_text
from ..server.background import BackgroundJob
from ..server.errors import AddressError
from ..server.faults import Faults
from ..server.trust import NO_EXTRA, Trust
from ..webcam.snapshot import Webcam

if TYPE_CHECKING:
    from .probes import Probe
    from .resolvers import Resolver
    from .result import CheckResult
    from .texts import Translate

DEADLINE_S = 15.0
"""For a whole run (DIAGNOSIS contract)."""


class Request(NamedTuple):
    """What is to be diagnosed."""

    address: str
    token: str | None
    webcams: Sequence[Webcam]
    websocket: Probe | None
    user_agent: str
    plugin_version: str
    deadline_s: float = DEADLINE_S
    trust: Trust = NO_EXTRA
    resolvers: Callable[[], Sequence[Resolver]] | None = None
    """Says whom to ask why a name does not resolve, called only then; None for the system's."""
    throttled: int | None = None
    """The bits of the Raspberry Pi's `get_throttled`, where the host knows them."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must stand in no output."""
        return (self.token,) if self.token else ()


class Done(NamedTuple):
    """A finished diagnosis, still without words."""

    request: Request
    checks: tuple[CheckResult, ...]
    started_at: float
    duration_ms: int

    def render(self, translate: Translate) -> dict[str, Any]:
        """The result of the DIAGNOSIS contract, in words."""
        from .texts import render_result

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
    from .checks.findings import Findings
    from .engine import run_checks
    from .resolvers import read_resolvers

    started_at, began = time.time(), time.monotonic()
    known = Findings(
        request.address,
        request.token,
        request.user_agent,
        request.websocket,
        request.trust,
        resolvers=request.resolvers or read_resolvers,
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
        faults: takes what should not happen; such a run finishes without a result.
    """

    def __init__(
        self,
        request: Callable[[], Request],
        announce: Callable[[], None],
        on_done: Callable[[Done], None],
        faults: Faults,
    ) -> None:
        self._request, self._on_done = request, on_done
        self._secrets: tuple[str, ...] = ()
        self._job: BackgroundJob[CheckResult, Done] = BackgroundJob(
            "obico-diagnosis", "the diagnosis", faults, announce
        )

    def start(self) -> str:
        """Start a diagnosis, or join the one that runs; return its id. Never waits."""
        return self._job.start(self._work).run

    def _work(self) -> Done:
        request = self._request()
        self._secrets = request.secrets
        done = diagnose(request, self._job.note)
        self._on_done(done)
        return done

    def state(self, translate: Translate) -> Mapping[str, Any]:
        """What `GET api/diagnosis` answers: the run, its checks so far, and its result."""
        run_id, state, checks, done = self._job.state()
        finished = done.render(translate) if done is not None else None
        rendered = finished["checks"] if finished else self._rendered(checks, translate)
        return {"run": run_id, "state": state, "checks": rendered, "result": finished}

    def _rendered(self, checks: Sequence[CheckResult], translate: Translate) -> Sequence[Any]:
        if not checks:
            return []
        from .texts import render_check

        return [render_check(check, translate, self._secrets) for check in checks]

    def last(self) -> Done | None:
        """The most recent finished diagnosis."""
        return self._job.last()
