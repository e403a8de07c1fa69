"""What a diagnosis answers: checks, one verdict, one cause (schema 1 of the DIAGNOSIS contract)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..server.causes import CREDENTIAL_CAUSES, Cause
from ..server.words import Word

SCHEMA = 1


class Outcome(Word):
    """How a check ended."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


class Verdict(Word):
    """The four answers of TEST."""

    SUCCEEDED = "succeeded"
    FAILED_TO_CONTACT_SERVER = "failed_to_contact_server"
    INVALID_ACCOUNT_CREDENTIALS = "invalid_account_credentials"
    WEBSOCKET_FAILED = "websocket_failed"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        summary: a short text for people, with placeholders that `facts` fill in.
        facts: what was seen, for the texts; `evidence` is the same for programs.
    """

    outcome: Outcome
    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: Cause | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckResult:
    """A finding with its place and its time."""

    id: str
    title: str
    finding: Finding
    started_ms: int
    duration_ms: int
    subject: str = ""
    """The webcam's name, where a check runs once for each."""

    @property
    def outcome(self) -> Outcome:
        return self.finding.outcome


def root_failure(checks: list[CheckResult], order: tuple[str, ...]) -> CheckResult | None:
    """The first broken layer: one root cause, not its echoes. None where nothing has failed."""
    failed = {check.id: check for check in checks if check.outcome is Outcome.FAILED}
    return next((failed[name] for name in order if name in failed), None)


def verdict_of(failure: CheckResult | None) -> Verdict:
    """The verdict that follows from the first broken layer."""
    if failure is None:
        return Verdict.SUCCEEDED
    if failure.finding.cause in CREDENTIAL_CAUSES:
        return Verdict.INVALID_ACCOUNT_CREDENTIALS
    if failure.id == "websocket":
        return Verdict.WEBSOCKET_FAILED
    return Verdict.FAILED_TO_CONTACT_SERVER


EXIT_STATUS: Mapping[Verdict, int] = {
    Verdict.SUCCEEDED: 0,
    Verdict.FAILED_TO_CONTACT_SERVER: 1,
    Verdict.INVALID_ACCOUNT_CREDENTIALS: 2,
    Verdict.WEBSOCKET_FAILED: 3,
}
EXIT_WEBCAM_FAILED = 4
EXIT_WRONG_USAGE = 64


def exit_status(result: Mapping[str, Any]) -> int:
    """The exit status of the commands for a rendered result."""
    status = EXIT_STATUS[Verdict(result["verdict"])]
    if status == 0 and any(webcam["cause"] for webcam in result["webcams"]):
        return EXIT_WEBCAM_FAILED
    return status
