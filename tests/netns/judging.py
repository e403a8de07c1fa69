"""What the tests ask of a result."""

from __future__ import annotations

from typing import Any

BLACK_HOLE_MS = 8_000
"""Where nothing answers, it is named within so many milliseconds."""

Result = dict[str, Any]


def assert_healthy(result: Result) -> None:
    """Both channels work, and there is nothing to complain about."""
    assert_works(result)
    assert result["warnings"] == [], result["warnings"]


def assert_works(result: Result, *warnings: str, words: tuple[str, ...] = ()) -> None:
    """Both channels work; where warnings are named, it has exactly these, in these words."""
    assert (result["verdict"], result["cause"]) == ("succeeded", None), shown(result)
    assert result["channels"] == {"http": "okay", "websocket": "okay"}, shown(result)
    if warnings:
        assert {item["cause"] for item in result["warnings"]} == set(warnings), shown(result)
    said = " ".join(item["explanation"] for item in result["warnings"])
    assert [word for word in words if word not in said] == [], said


def assert_fails(result: Result, cause: str, *words: str, within_ms: int = BLACK_HOLE_MS) -> None:
    """The server cannot be reached because of `cause`, said with these words, in time."""
    assert (result["verdict"], result["cause"]) == ("failed_to_contact_server", cause), shown(
        result
    )
    said = " ".join((result["explanation"], *result["remedy"]))
    assert [word for word in words if word not in said] == [], said
    assert result["duration_ms"] <= within_ms, shown(result)


def shown(result: Result) -> str:
    """The run in short, for the message of a failed test."""
    lines = [
        f"{result['verdict']}: {result['cause']} after {result['duration_ms']} ms, "
        f"warnings {[item['cause'] for item in result['warnings']]}: {result['explanation']}"
    ]
    lines += [
        f"{check['started_ms']:>6} +{check['duration_ms']:<6} {check['id']:<12} "
        f"{check['outcome']:<8} {check['cause'] or ''} {check['summary']} {check['evidence']}"
        for check in result["checks"]
    ]
    return "\n".join(lines)
