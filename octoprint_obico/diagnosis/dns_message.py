"""DNS messages: a question for addresses, and what of an answer says how it ended (RFC 1035).

Bytes only, without sockets. What is read may come from anybody: every byte is looked at once at
most, no pointer is ever followed, and the counts in the header are only how often to try.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

_HEADER = struct.Struct("!6H")  # number, flags, and how many entries each section has
_ENTRY = struct.Struct("!2H")  # behind a question's name: type, class
_RECORD = struct.Struct("!2HIH")  # behind a record's name: type, class, time to live, length
_SHORT = struct.Struct("!H")

_IS_ANSWER, _OPERATION, _IS_TRUNCATED, _RECURSION, _CODE = 0x8000, 0x7800, 0x0200, 0x0100, 0x000F
_INTERNET = 1
_OPTIONS = 41
"""The record that lengthens the reply code by eight bits (RFC 6891 section 6.1.3)."""

_TYPES: Mapping[str, int] = {"A": 1, "AAAA": 28}
_FAMILIES: Mapping[int, tuple[socket.AddressFamily, int]] = {
    1: (socket.AF_INET, 4),
    28: (socket.AF_INET6, 16),
}
"""By the type of record: the addresses that it holds, and their bytes (RFC 3596)."""

_LONGEST_LABEL, _LONGEST_NAME = 63, 255
_POINTER = 0xC0

NOERROR, NXDOMAIN = 0, 3
_CODES: Mapping[int, str] = {
    NOERROR: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    NXDOMAIN: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
    11: "DSOTYPENI",
    16: "BADVERS",
    17: "BADKEY",
    18: "BADTIME",
    19: "BADMODE",
    20: "BADNAME",
    21: "BADALG",
    22: "BADTRUNC",
    23: "BADCOOKIE",
}
"""IANA's registry of reply codes (RFC 6895 section 2.3)."""

_MAY_FORGET = (1, 2, 4, 5)
"""Codes of servers that have not understood the question, and may leave it out of the answer."""


class Unreadable(Exception):
    """These bytes are no DNS message."""


@dataclass(frozen=True)
class Question:
    """One question to a name server.

    Attributes:
        number: 0 to 65535; the answer has the same.
        name: as it stands in a message: each label behind its length.
        rrtype: the number of the type of record.
    """

    number: int
    name: bytes
    rrtype: int

    @classmethod
    def about(cls, host: str, kind: str) -> Question:
        """Ask for the records of one kind ("A", "AAAA") of `host`, taken as absolute.

        The number is a random one, so that nobody can answer who has not seen the question.

        Raises:
            ValueError: `host` is not a name, or too long for one (RFC 1035 section 2.3.4).
        """
        return cls(secrets.randbits(16), _name(host), _TYPES[kind])

    @property
    def wire(self) -> bytes:
        """The message that asks it."""
        head = _HEADER.pack(self.number, _RECURSION, 1, 0, 0, 0)
        return head + self.name + _ENTRY.pack(self.rrtype, _INTERNET)

    def is_cut_off_in(self, wire: bytes) -> bool:
        """Whether this answers the question and was truncated, perhaps in the midst of a record."""
        if len(wire) < _HEADER.size:
            return False
        number, flags, *_ = _HEADER.unpack_from(wire)
        return bool(number == self.number and flags & _IS_ANSWER and flags & _IS_TRUNCATED)

    def is_answered_by(self, message: Message) -> bool:
        what = message.flags & (_IS_ANSWER | _OPERATION)  # operation 0: an ordinary question
        if (message.number, what) != (self.number, _IS_ANSWER):
            return False
        if message.question is None:
            return message.code in _MAY_FORGET
        return message.question == (self.name.lower(), self.rrtype, _INTERNET)


@dataclass(frozen=True)
class Message:
    """What a DNS message says, as far as it matters here.

    Attributes:
        code: how it ended (RCODE), 0 to 4095.
        question: name in lower case (as in a message), type, class; None where there is none.
        records: type and address of each IPv4 and IPv6 address among the answers, whoever has
            it: an alias (CNAME) may lead there.
    """

    number: int
    flags: int
    code: int
    question: tuple[bytes, int, int] | None
    records: tuple[tuple[int, str], ...]

    @property
    def code_name(self) -> str:
        """E.g. "NXDOMAIN"; the number where it has no name."""
        return _CODES.get(self.code, str(self.code))

    def addresses(self, kind: str) -> tuple[str, ...]:
        """Of one kind ("A", "AAAA"), each once, in their order."""
        return tuple(dict.fromkeys(ip for rrtype, ip in self.records if rrtype == _TYPES[kind]))


class _Record(NamedTuple):
    rrtype: int
    rrclass: int
    ttl: int
    data: bytes

    @property
    def holds_address(self) -> bool:
        return self.rrclass == _INTERNET and self.rrtype in _FAMILIES


def read(wire: bytes) -> Message:
    """Return what the message says; bytes behind its end do not matter.

    Records that are not needed are skipped unread.

    Raises:
        Unreadable
    """
    try:
        return _message(wire)
    except (IndexError, struct.error) as error:
        raise Unreadable("it ends too early") from error


def _name(host: str) -> bytes:
    """The host as it stands in a message; a dot at its end changes nothing.

    Other letters than ASCII become IDNA as the system's resolver gets it, by Python's own codec.
    """
    labels = host.encode("idna").removesuffix(b".").split(b".")
    if not all(0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise ValueError("a part of the name is empty or too long")
    name = b"".join(bytes((len(label),)) + label for label in (*labels, b""))
    if len(name) > _LONGEST_NAME:
        raise ValueError("the name is too long")
    return name


def _message(wire: bytes) -> Message:
    number, flags, questions, *counts = _HEADER.unpack_from(wire)
    at = _HEADER.size
    if questions > 1:
        raise Unreadable("more than one question")  # RFC 9619
    question = None
    if questions:
        end = _after_name(wire, at)
        rrtype, rrclass = _ENTRY.unpack_from(wire, end)
        question = (wire[at:end].lower(), rrtype, rrclass)
        at = end + _ENTRY.size
    answers, at = _records(wire, at, counts[0])
    _, at = _records(wire, at, counts[1])
    additional, _ = _records(wire, at, counts[2])
    options = [record.ttl for record in additional if record.rrtype == _OPTIONS]
    if len(options) > 1:
        raise Unreadable("options twice")
    code = (flags & _CODE) | (options[0] >> 24 << 4 if options else 0)
    found = tuple(_address(record) for record in answers if record.holds_address)
    return Message(number, flags, code, question, found)


def _after_name(wire: bytes, start: int) -> int:
    """Return where the name that starts here ends.

    A pointer may only go back (RFC 1035 section 4.1.4): into the names before this one, thus never
    out of a question, which is the first.
    """
    at = start
    while 0 < (length := wire[at]) <= _LONGEST_LABEL:
        at += 1 + length
        if at - start >= _LONGEST_NAME:
            raise Unreadable("a name is too long")
    if length == 0:
        return at + 1
    target = _SHORT.unpack_from(wire, at)[0] - (_POINTER << 8)
    if not _HEADER.size <= target < start:
        raise Unreadable("a name goes on where it must not")
    return at + _SHORT.size


def _records(wire: bytes, at: int, count: int) -> tuple[list[_Record], int]:
    """Return so many records, and where they end."""
    found = []
    for _ in range(count):
        at = _after_name(wire, at)
        rrtype, rrclass, ttl, length = _RECORD.unpack_from(wire, at)
        start = at + _RECORD.size
        at = start + length
        if at > len(wire):
            raise Unreadable("it ends too early")
        found.append(_Record(rrtype, rrclass, ttl, wire[start:at]))
    return found, at


def _address(record: _Record) -> tuple[int, str]:
    family, length = _FAMILIES[record.rrtype]
    if len(record.data) != length:
        raise Unreadable("an address of a wrong length")
    return record.rrtype, socket.inet_ntop(family, record.data)
