"""The server's messages, read without trusting them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.server.messages import encode, parse_message, passthru_answer, passthru_result

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["commands", "cmd", "args", "remote_status", "viewing", "passthru"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def parsed(value: Any) -> Any:
    message = parse_message(json.dumps(value))
    assert message is not None
    return message


def test_commands() -> None:
    pause = {"cmd": "pause", "args": {"retract": 6.5}, "initiator": "api"}
    message = parsed({"commands": [pause, {"cmd": "resume"}], "type": "printer.message"})
    assert [(c.name, c.args, c.initiator) for c in message.commands] == [
        ("pause", {"retract": 6.5}, "api"),
        ("resume", {}, "unknown"),
    ]
    assert message.rejected == ()


@pytest.mark.parametrize("command", [{"cmd": "print"}, {}, 7, None, [], {"cmd": None}, {"cmd": 1}])
def test_other_commands_are_rejected(command: Any) -> None:
    message = parsed({"commands": [command]})
    assert message.commands == ()
    assert len(message.rejected) == 1


@pytest.mark.parametrize("command", [{"cmd": []}, {"cmd": {}}, {"cmd": ["pause"]}])
def test_a_command_that_is_no_text_is_rejected(command: Any) -> None:
    assert len(parsed({"commands": [command]}).rejected) == 1


def test_a_flood_of_commands_is_cut() -> None:
    message = parsed({"commands": [{"cmd": "pause"}] * 10_000})
    assert len(message.commands) <= 20


def test_remote_status_keeps_what_is_not_told() -> None:
    status = parsed({"remote_status": {"viewing": True}}).remote_status
    assert (status.viewing, status.should_watch) == (True, None)
    odd = parsed({"remote_status": {"viewing": 1, "should_watch": "true"}}).remote_status
    assert (odd.viewing, odd.should_watch) == (None, None)
    assert parsed({"remote_status": []}).remote_status is None


def test_several_kinds_in_one_frame() -> None:
    message = parsed(
        {"commands": [{"cmd": "cancel"}], "remote_status": {}, "passthru": {"ref": "1"}, "x": 1}
    )
    assert message.commands
    assert message.remote_status is not None
    assert message.passthru == {"ref": "1"}


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "null", "7", '"x"', "[" * 100_000, "{"])
def test_what_is_no_object_is_none(text: str) -> None:
    assert parse_message(text) is None


@given(st.one_of(st.text(), JSON_VALUES.map(json.dumps)))
def test_whatever_comes_is_a_message_or_none(text: str) -> None:
    parse_message(text)


@given(JSON_VALUES)
def test_whatever_stands_under_a_key_is_no_crash(value: Any) -> None:
    for key in ("commands", "remote_status", "passthru"):
        parsed({key: value})
        parsed({key: [value]})


def test_what_json_cannot_say_is_not_sent() -> None:
    assert json.loads(encode({"a": [1, "ä"]})) == {"a": [1, "ä"]}
    with pytest.raises(ValueError, match="JSON"):
        encode({"a": float("nan")})


def test_an_answer_to_a_call() -> None:
    assert passthru_answer("r", "no") == {"passthru": {"ref": "r", "error": "no"}}
    assert passthru_result("r", [1]) == {"passthru": {"ref": "r", "ret": [1]}}
