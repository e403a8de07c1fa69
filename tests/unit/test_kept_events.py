"""What the status says of the printer's events that wait: nothing, mostly."""

from __future__ import annotations

from typing import Any

import pytest

from octoprint_obico.server.outbox import OutboxState
from octoprint_obico.server.outbox_events import Problem
from octoprint_obico.web.kept_events import render_events

AT = 1_790_000_000.25


def rendered(*, connected: bool = False, **state: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "waiting": 0,
        "oldest_at": None,
        "unwritten": 0,
        "lost": 0,
        "lost_snapshots": 0,
        "problem": None,
        "detail": "",
    }
    section = render_events(OutboxState(**{**nothing, **state}), connected, lambda text: text)
    assert section is not None
    return section


def test_where_nothing_is_kept_there_is_nothing_to_say() -> None:
    assert render_events(None, True, lambda text: text) is None


@pytest.mark.parametrize("connected", [True, False])
def test_without_events_there_are_no_words(connected: bool) -> None:
    section = rendered(connected=connected)
    assert (section["text"], section["problem_text"]) == ("", "")


def test_what_waits_for_the_server_is_told_with_the_moment() -> None:
    section = rendered(waiting=3, oldest_at=AT)
    assert section["text"].endswith(": 3.")
    assert section["oldest_at"] == "2026-09-21T14:13:20.250Z"
    assert section["problem_text"] == ""


def test_what_is_under_way_is_counted_but_no_line_flickers() -> None:
    section = rendered(connected=True, waiting=1, oldest_at=AT)
    assert (section["waiting"], section["text"]) == (1, "")


@pytest.mark.parametrize("problem", Problem)
@pytest.mark.parametrize("connected", [True, False])
def test_each_problem_has_its_sentence(problem: Problem, connected: bool) -> None:
    section = rendered(connected=connected, problem=problem, detail="database disk image: /x/y")
    assert section["problem"] == problem.value
    assert "are sent all the same" in section["problem_text"]
    assert "/x/y" not in section["problem_text"]


def test_the_sentences_differ() -> None:
    assert len({rendered(problem=problem)["problem_text"] for problem in Problem}) == len(Problem)


def test_what_was_given_up_is_owned_up_to_beside_a_problem() -> None:
    text = rendered(lost=7, problem=Problem.UNWRITABLE)["problem_text"]
    assert text.startswith("Events of prints cannot be written")
    assert text.endswith(": 7.")


def test_texts_are_translated() -> None:
    state = OutboxState(2, AT, 2, 1, 0, Problem.NEWER, "")
    section = render_events(state, False, lambda text: text.upper().replace("{COUNT}", "{count}"))
    assert section is not None
    assert section["text"].startswith("EVENTS OF PRINTS WAITING")
    assert section["text"].endswith(": 2.")
    assert section["problem_text"].isupper()
