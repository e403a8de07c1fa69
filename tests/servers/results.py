"""The form of a diagnosis' result, as the contract has it, and runs of the diagnosis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from string import Formatter
from typing import Any

from octoprint_obico.diagnosis.catalogue import CATALOGUE
from octoprint_obico.diagnosis.job import Request, diagnose
from octoprint_obico.diagnosis.probes import own_connection_probe
from octoprint_obico.diagnosis.resolvers import Resolver
from octoprint_obico.diagnosis.texts import HEADLINES
from octoprint_obico.server.causes import Cause
from octoprint_obico.server.trust import NO_EXTRA, Trust
from octoprint_obico.webcam.snapshot import Webcam
from tests.provoked import witness

from .live import AGENT

VERDICTS = {
    "succeeded": "Succeeded",
    "failed_to_contact_server": "Failed to contact server",
    "invalid_account_credentials": "Invalid account credentials",
    "websocket_failed": "Succeeded over HTTP, but the WebSocket connection failed",
}
OUTCOMES = {"passed", "warned", "failed", "skipped"}
CHANNELS = {"okay", "failed", "untested"}
_CAUSES = {cause.value for cause in Cause}


def run(
    url: str,
    token: str | None,
    webcams: Sequence[Webcam] = (),
    *,
    deadline_s: float = 15.0,
    websocket: Any = None,
    resolvers: Sequence[Resolver] = (),
    trust: Trust = NO_EXTRA,
) -> dict[str, Any]:
    """Diagnose in the foreground, as the stand-alone command does; a checked result.

    Only the given resolvers are asked directly, never this machine's.
    """
    probe = websocket or (own_connection_probe(url, token, AGENT) if token else None)
    request = Request(
        url, token, webcams, probe, AGENT, "3.0.0", deadline_s, trust, resolvers=lambda: resolvers
    )
    result = diagnose(request).render(lambda text: text)
    check_result(result)
    return result


def outcome_of(result: dict[str, Any], check_id: str) -> str:
    """How that check ended."""
    return next(str(c["outcome"]) for c in result["checks"] if c["id"] == check_id)


def evidence_of(result: dict[str, Any], check_id: str) -> dict[str, Any]:
    found = next(c["evidence"] for c in result["checks"] if c["id"] == check_id)
    assert isinstance(found, dict)
    return found


def check_result(result: dict[str, Any]) -> None:
    """Assert that a result has exactly the contract's form, and hangs together."""
    assert json.loads(json.dumps(result)) == result
    assert result["schema"] == 1
    assert result["headline"] == VERDICTS[result["verdict"]]
    assert set(VERDICTS) == {verdict.value for verdict in HEADLINES}
    _check_words(result)
    assert result["help_url"].startswith("https://")
    assert set(result["channels"]) == {"http", "websocket"}
    assert set(result["channels"].values()) <= CHANNELS
    assert isinstance(result["server"], str)
    assert isinstance(result["plugin_version"], str)
    assert isinstance(result["duration_ms"], int)
    assert result["started_at"].endswith("Z")
    datetime.fromisoformat(result["started_at"].replace("Z", "+00:00"))
    assert (result["cause"] is None) is (result["verdict"] == "succeeded")
    for warning in result["warnings"]:
        _check_words(warning)
        assert warning["cause"] is not None
    for webcam in result["webcams"]:
        _check_words(webcam)
        assert isinstance(webcam["name"], str)
        assert isinstance(webcam["evidence"], dict)
    for check in result["checks"]:
        _check_check(check)
    ids = [check["id"] for check in result["checks"] if check["id"] != "webcam"]
    assert len(ids) == len(set(ids))
    witness(result)


def _check_words(part: dict[str, Any]) -> None:
    assert part["cause"] is None or part["cause"] in _CAUSES
    assert isinstance(part["explanation"], str)
    assert isinstance(part["remedy"], list)
    assert len(part["remedy"]) <= 5
    assert all(isinstance(step, str) and step for step in part["remedy"])
    if part["cause"] is not None:
        assert part["explanation"]
        assert part["remedy"]


def _check_check(check: dict[str, Any]) -> None:
    assert check["outcome"] in OUTCOMES
    assert check["cause"] is None or check["cause"] in _CAUSES
    assert (check["cause"] is not None) is (check["outcome"] in ("failed", "warned")), check
    assert isinstance(check["title"], str) and check["title"]
    assert isinstance(check["summary"], str) and check["summary"]
    assert isinstance(check["evidence"], dict)
    assert isinstance(check["started_ms"], int) and check["started_ms"] >= 0
    assert isinstance(check["duration_ms"], int) and check["duration_ms"] >= 0


def assert_one_root(result: dict[str, Any]) -> None:
    """The verdict's cause is that of the first failed check, and its words say what was seen."""
    failed = [check for check in result["checks"] if check["outcome"] == "failed"]
    root = next(check for check in failed if check["id"] != "webcam")
    assert root["cause"] == result["cause"]
    assert_filled_in(result, root["evidence"])


def assert_filled_in(words: dict[str, Any], evidence: dict[str, Any]) -> None:
    """A dash stands only for what the answer did not have: a page's title, a server's name."""
    entry = CATALOGUE[Cause(words["cause"])]
    for text, shown in zip(
        (entry.explanation, *entry.remedy), (words["explanation"], *words["remedy"])
    ):
        names = {name for _, name, _, _ in Formatter().parse(text) if name}
        absent = {name for name in names if evidence.get(name) in (None, "")}
        assert absent <= {"title", "server"}, f"nothing fills in {absent} of {text!r}"
        assert absent or "–" not in shown, shown
