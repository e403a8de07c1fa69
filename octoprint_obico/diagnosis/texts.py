"""Turns ids and facts into words, as late as possible and in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any

from ..server.causes import Cause
from ..server.redact import redact_all
from ..server.words import iso
from .catalogue import CATALOGUE, N_, Entry
from .result import SCHEMA, CheckResult, Outcome, Verdict, root_failure, verdict_of

Translate = Callable[[str], str]

HELP_URL = "https://www.obico.io/docs/user-guides/troubleshoot-server-connection-issues/"
"""The help of Obico itself, for who has nothing to look up."""

# Where docs/causes.md is to be read by everybody: the repository of the plugin with this id. It is
# the same as `Documentation` in pyproject.toml, which a test compares; move both together.
CAUSES_URL = "https://github.com/TheSpaghettiDetective/OctoPrint-Obico/blob/HEAD/docs/causes.md"

HEADLINES: Mapping[Verdict, str] = {
    Verdict.SUCCEEDED: N_("Succeeded"),
    Verdict.FAILED_TO_CONTACT_SERVER: N_("Failed to contact server"),
    Verdict.INVALID_ACCOUNT_CREDENTIALS: N_("Invalid account credentials"),
    Verdict.WEBSOCKET_FAILED: N_("Succeeded over HTTP, but the WebSocket connection failed"),
}

_ALL_WELL = N_("Both connections to {host} work: HTTP and WebSocket.")
_ALL_WELL_HTTP = N_("HTTP works with {host}. The WebSocket was not tried.")


class _Facts(dict[str, Any]):
    """Fills in a text; what was not seen shows as a dash, never as an exception."""

    def __missing__(self, key: str) -> str:
        return "–"


_WORDS = frozenset(
    {
        "direction",
        "kind",
        "looks_like",
        "problem",
        "signal",
        "unit",
        "when",
        "where",
        "which",
        "who",
    }
)
"""Facts that are words for people, from a table of ours, and are translated as well."""


def fill(text: str, facts: Mapping[str, Any], translate: Translate) -> str:
    """Translate a text and put the facts into its placeholders."""
    shown = {
        key: translate(value)
        if key in _WORDS and value and isinstance(value, str)
        else _shown(value)
        for key, value in facts.items()
    }
    return translate(text).format_map(_Facts(shown))


def _shown(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return "–" if value in (None, "") else value


def explain(cause: Cause, facts: Mapping[str, Any], translate: Translate) -> dict[str, Any]:
    """A cause in words: cause, title, explanation, remedy."""
    entry = CATALOGUE[cause]
    return {
        "cause": cause.value,
        "title": fill(entry.title, facts, translate),
        "explanation": fill(_explanation(entry, facts), facts, translate),
        "remedy": [fill(step, facts, translate) for step in entry.remedy],
    }


def _explanation(entry: Entry, facts: Mapping[str, Any]) -> str:
    """The closer one, where all that it names was seen."""
    names = {name for _, name, _, _ in Formatter().parse(entry.closer) if name}
    seen = names and all(facts.get(name) not in (None, "", [], ()) for name in names)
    return entry.closer if seen else entry.explanation


def render_check(
    check: CheckResult, translate: Translate, secrets: Sequence[str] = ()
) -> dict[str, Any]:
    """One check in the form of the contract, without the given secrets."""
    finding = check.finding
    rendered = {
        "id": check.id,
        "title": translate(check.title),
        "outcome": finding.outcome.value,
        "cause": finding.cause.value if finding.cause else None,
        "summary": fill(finding.summary, finding.facts, translate),
        "evidence": dict(finding.evidence),
        "started_ms": check.started_ms,
        "duration_ms": check.duration_ms,
    }
    if check.subject:
        rendered["subject"] = check.subject
    redacted: dict[str, Any] = redact_all(rendered, *secrets)
    return redacted


def render_result(
    checks: Sequence[CheckResult],
    *,
    server: str,
    started_at: float,
    duration_ms: int,
    plugin_version: str,
    secrets: Sequence[str],
    translate: Translate,
) -> dict[str, Any]:
    """The result in the form of the contract (schema 1), redacted once more over the whole."""
    from .engine import SERVER_ORDER  # there since the run; a mere status needs no checks

    failure = root_failure(list(checks), SERVER_ORDER)
    verdict = verdict_of(failure)
    words = _conclusion(failure, checks, translate)
    result = {
        "schema": SCHEMA,
        "verdict": verdict.value,
        "headline": translate(HEADLINES[verdict]),
        **words,
        "help_url": help_url(words["cause"]),
        "warnings": [
            explain(check.finding.cause, check.finding.facts, translate)
            for check in checks
            if check.outcome is Outcome.WARNED and check.finding.cause is not None
        ],
        "webcams": [_webcam(check, translate) for check in checks if check.id == "webcam"],
        "channels": _channels(checks),
        "checks": [render_check(check, translate) for check in checks],
        "server": server,
        "started_at": iso(started_at),
        "duration_ms": duration_ms,
        "plugin_version": plugin_version,
    }
    redacted: dict[str, Any] = redact_all(result, *secrets)
    return redacted


def help_url(cause: str | None) -> str:
    """Where to read on about a cause, by its id; Obico's own help where there is none."""
    return f"{CAUSES_URL}#{cause}" if cause else HELP_URL


def _conclusion(
    failure: CheckResult | None, checks: Sequence[CheckResult], translate: Translate
) -> dict[str, Any]:
    if failure is not None:
        finding = failure.finding
        return explain(finding.cause or Cause.UNKNOWN_ERROR, finding.facts, translate)
    address = next((c.finding.facts for c in checks if c.id == "address"), {})
    tried = any(
        c.id == "websocket" and c.outcome in (Outcome.PASSED, Outcome.WARNED) for c in checks
    )
    text = fill(_ALL_WELL if tried else _ALL_WELL_HTTP, address, translate)
    return {"cause": None, "title": "", "explanation": text, "remedy": []}


def _webcam(check: CheckResult, translate: Translate) -> dict[str, Any]:
    finding = check.finding
    empty: dict[str, Any] = {"cause": None, "title": "", "explanation": "", "remedy": []}
    words = explain(finding.cause, finding.facts, translate) if finding.cause else empty
    return {"name": check.subject, **words, "evidence": dict(finding.evidence)}


_CHANNEL_OF = {
    Outcome.PASSED: "okay",
    Outcome.WARNED: "okay",
    Outcome.SKIPPED: "untested",
    Outcome.FAILED: "failed",
}


_UNDER_HTTP = ("address", "dns", "connect", "tls", "size")


def _channels(checks: Sequence[CheckResult]) -> dict[str, str]:
    outcomes = {check.id: check.outcome for check in checks}
    lower = any(outcomes.get(name) is Outcome.FAILED for name in _UNDER_HTTP)
    http = Outcome.FAILED if lower else outcomes.get("http", Outcome.SKIPPED)
    if outcomes.get("credentials") is Outcome.FAILED:
        http = Outcome.FAILED
    websocket = outcomes.get("websocket", Outcome.SKIPPED)
    return {"http": _CHANNEL_OF[http], "websocket": _CHANNEL_OF[websocket]}
