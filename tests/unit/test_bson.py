"""BSON: what is read, and that nothing else ends badly."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.server.bson import read_document
from octoprint_obico.server.messages import parse_message
from tests.bson_writer import written

NAMES = st.text(max_size=8).filter(lambda name: "\0" not in name)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=5)


def test_the_examples_of_the_specification() -> None:
    """bsonspec.org, "Examples"."""
    hello = b"\x16\x00\x00\x00\x02hello\x00\x06\x00\x00\x00world\x00\x00"
    assert read_document(hello) == {"hello": "world"}
    awesome = (
        b"\x31\x00\x00\x00\x04BSON\x00\x26\x00\x00\x00\x02\x30\x00\x08\x00\x00\x00awesome\x00"
        b"\x01\x31\x00\x33\x33\x33\x33\x33\x33\x14\x40\x10\x32\x00\xc2\x07\x00\x00\x00\x00"
    )
    assert read_document(awesome) == {"BSON": ["awesome", 5.05, 1986]}


@given(DOCUMENTS)
def test_what_was_written_is_read(document: dict[str, Any]) -> None:
    assert read_document(written(document)) == document


@given(DOCUMENTS, st.data())
def test_a_part_of_a_document_is_none(document: dict[str, Any], data: st.DataObject) -> None:
    whole = written(document)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for wrong in (whole[:cut], whole + b"\0"):
        with pytest.raises(ValueError, match=r".+"):
            read_document(wrong)


@given(DOCUMENTS, st.integers(0), st.integers(0, 255))
def test_a_damaged_document_is_read_or_refused(
    document: dict[str, Any], at: int, byte: int
) -> None:
    whole = bytearray(written(document))
    whole[at % len(whole)] = byte
    with suppress(ValueError):
        assert isinstance(read_document(bytes(whole)), dict)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message(data: bytes) -> None:
    parse_message(data)


def test_endless_depth_is_refused() -> None:
    document: dict[str, Any] = {}
    for _ in range(100):
        document = {"a": document}
    assert parse_message(written(document)) is None


@pytest.mark.parametrize("kind", [0x07, 0x0D, 0x13, 0xFF])
def test_a_type_that_json_does_not_know(kind: int) -> None:
    body = bytes([kind]) + b"a\0" + b"\1" * 20
    document = struct.pack("<i", len(body) + 5) + body + b"\0"
    with pytest.raises(ValueError, match="not known"):
        read_document(document)


def test_any_message_may_come_as_bson() -> None:
    """PROTOCOL 4.5: a web client can ask for it."""
    call = {"target": "_printer", "func": "home", "args": ["z"], "ref": "r1"}
    message = parse_message(
        written(
            {
                "passthru": call,
                "commands": [{"cmd": "pause", "args": {"retract": 2.5}, "initiator": "api"}],
                "remote_status": {"viewing": True},
                "http.tunnelv2": {"ref": "t1", "data": b"\x00\x01"},
                "as_binary": True,
                "type": "printer.message",
            }
        )
    )
    assert message is not None
    assert message.passthru == call
    assert message.commands[0].args == {"retract": 2.5}
    assert message.remote_status is not None and message.remote_status.viewing is True
    assert message.tunnel_ref == "t1"
