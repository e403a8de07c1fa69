"""Our own reading and writing of DNS messages, beside that of dnspython."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from octoprint_obico.diagnosis.dns_message import Message, Question, Unreadable, read

HOST = "obico.example"
QUESTION = b"\x05obico\x07example\x00\x00\x01\x00\x01"
A = b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"
"""All of a record for 192.0.2.1 behind its name."""

WIDE = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def head(
    questions: int = 1, answers: int = 0, authority: int = 0, additional: int = 0, flags: int = 0
) -> bytes:
    return struct.pack("!6H", 7, 0x8000 | flags, questions, answers, authority, additional)


# ---- the question ------------------------------------------------------------------------------


def name_of(host: str) -> dns.name.Name | None:
    """What dnspython makes of a host that Python has turned into ASCII, as for the resolver."""
    try:
        text = host.encode("idna").decode("ascii")
        # it has a use of its own for these two, as in zone files
        name = dns.name.from_text(text.replace("\\", "\\\\").replace("@", "\\@"))
    except (UnicodeError, dns.exception.DNSException):
        return None
    return None if name == dns.name.root else name


@WIDE
@given(
    host=st.text(max_size=80)
    | st.text("\\@＼＠.a", max_size=9)
    | st.lists(st.text("abcXYZ019-_", min_size=0, max_size=66), max_size=6).map(".".join),
    kind=st.sampled_from(["A", "AAAA"]),
)
def test_questions_are_those_of_dnspython(host: str, kind: str) -> None:
    expected = name_of(host)
    if expected is None:
        with pytest.raises(ValueError):
            Question.about(host, kind)
        return
    question = Question.about(host, kind)
    assert question.wire == dns.message.make_query(expected, kind, id=question.number).to_wire()


@pytest.mark.parametrize(
    "host", ["bücher.example", "BÜCHER。example", "obico.example.", "a", "_a.b"]
)
def test_names_in_other_letters_and_with_a_dot_at_their_end(host: str) -> None:
    name = dns.name.from_text(host)
    assert Question.about(host, "A").name == name.to_wire()


@pytest.mark.parametrize(
    "host", ["", ".", "..", ".a", "a..b", "a..", "a" * 64, "ü" * 64, "a․．b", "\ud800", "\u200b"]
)
def test_what_is_no_name(host: str) -> None:
    with pytest.raises(ValueError):
        Question.about(host, "A")


def test_the_longest_name() -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(longest) == 253
    for host in (longest, longest + "."):
        assert len(Question.about(host, "A").name) == 255
    with pytest.raises(ValueError, match="too long"):
        Question.about(longest + "b", "A")


def test_numbers_cannot_be_foreseen() -> None:
    numbers = {Question.about(HOST, "A").number for _ in range(200)}
    assert len(numbers) > 150
    assert all(0 <= number < 65536 for number in numbers)


# ---- messages as name servers send them --------------------------------------------------------

NAMES = st.lists(st.text("abcXYZ019-", min_size=1, max_size=12), min_size=1, max_size=4).map(
    lambda labels: ".".join(labels) + "."
)
ZEROS = st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF]), min_size=8, max_size=8).map(
    lambda groups: struct.pack("!8H", *groups)
)
IPV4 = st.binary(min_size=4, max_size=4).map(lambda data: socket.inet_ntop(socket.AF_INET, data))
IPV6 = (st.binary(min_size=16, max_size=16) | ZEROS).map(
    lambda data: socket.inet_ntop(socket.AF_INET6, data)
)
RECORDS = st.one_of(
    st.tuples(NAMES, st.just("A"), IPV4),
    st.tuples(NAMES, st.just("AAAA"), IPV6),
    st.tuples(NAMES, st.sampled_from(["CNAME", "NS", "PTR"]), NAMES),
    st.tuples(NAMES, st.just("MX"), NAMES.map(lambda name: f"10 {name}")),
    st.tuples(NAMES, st.just("TXT"), st.text("abc", max_size=40).map(lambda text: f'"{text}"')),
)
CODES = st.sampled_from([*range(12), 15, *range(16, 24), 4095])


@st.composite
def messages(draw: st.DrawFn, host: str = HOST, kind: str = "A") -> dns.message.Message:
    """Answers to a question for `host`, most of them good ones."""
    made = dns.message.make_response(dns.message.make_query(host, kind, id=7))
    code = draw(st.just(0) | CODES)
    if code > 15 or draw(st.booleans()):
        made.use_edns(0)
    made.set_rcode(dns.rcode.Rcode.make(code))
    made.flags |= draw(st.sampled_from([0, int(dns.flags.TC), int(dns.flags.AA)]))
    for section in (made.answer, made.authority, made.additional):
        for owner, rrtype, text in draw(st.lists(RECORDS, max_size=4)):
            ttl = draw(st.integers(0, 2**31 - 1))
            section.append(dns.rrset.from_text(owner, ttl, "IN", rrtype, text))
    return made


def theirs(wire: bytes) -> dns.message.Message:
    """Each record for itself: in one set they would have no order."""
    return dns.message.from_wire(wire, ignore_trailing=True, one_rr_per_rrset=True)


def addresses_of(message: dns.message.Message, kind: str) -> tuple[str, ...]:
    wanted = (dns.rdatatype.from_text(kind), dns.rdataclass.IN)
    found = [
        rr for rrset in message.answer if (rrset.rdtype, rrset.rdclass) == wanted for rr in rrset
    ]
    return tuple(dict.fromkeys(record.to_text() for record in found))


def assert_alike(ours: Message, message: dns.message.Message) -> None:
    assert (ours.number, ours.flags) == (message.id, int(message.flags))
    assert (ours.code, ours.code_name) == (message.rcode(), dns.rcode.to_text(message.rcode()))
    for kind in ("A", "AAAA"):
        assert ours.addresses(kind) == addresses_of(message, kind)


@WIDE
@given(message=messages(), tail=st.binary(max_size=20))
def test_messages_are_read_as_dnspython_reads_them(
    message: dns.message.Message, tail: bytes
) -> None:
    wire = message.to_wire() + tail
    ours = read(wire)
    assert_alike(ours, theirs(wire))
    question = Question(7, Question.about(HOST.upper(), "A").name, 1)
    assert question.is_answered_by(ours), "capitals make no difference"
    assert question.is_cut_off_in(wire) is bool(message.flags & dns.flags.TC)


MUTATION = st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3))


def mutated(wire: bytes, mutations: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Some bytes taken out at a place, others put there."""
    for where, length, instead in mutations:
        at = where % (len(wire) + 1)
        wire = wire[:at] + instead + wire[at + length :]
    return wire


def accepted(wire: bytes, query: dns.message.QueryMessage) -> dns.message.Message | None:
    """What dnspython takes for an answer to the query."""
    try:
        message = theirs(wire)
    except (dns.exception.DNSException, ValueError):
        return None
    return message if query.is_response(message) else None


@settings(WIDE, max_examples=1000)
@given(message=messages(), mutations=st.lists(MUTATION, min_size=1, max_size=3))
def test_what_dnspython_still_takes_for_an_answer_we_take_alike(
    message: dns.message.Message, mutations: list[tuple[int, int, bytes]]
) -> None:
    wire = mutated(message.to_wire(), mutations)
    query = dns.message.make_query(HOST, "A", id=7)
    expected = accepted(wire, query)
    try:
        ours = read(wire)
    except Unreadable as error:
        # the one thing where we are stricter: it lets pointers lead into the header
        assert expected is None or "must not" in str(error)
        return
    if expected is not None:
        assert_alike(ours, expected)
        assert Question(7, Question.about(HOST, "A").name, 1).is_answered_by(ours)


# ---- messages from hell ------------------------------------------------------------------------


@settings(WIDE, max_examples=1000)
@given(
    start=st.sampled_from(
        [b"", head(), head(0, 3), head() + QUESTION, head(1, 9, 9, 9) + QUESTION]
    ),
    tail=st.binary(max_size=300),
)
def test_any_bytes_are_read_or_refused(start: bytes, tail: bytes) -> None:
    try:
        message = read(start + tail)
    except Unreadable:
        return
    assert len(message.code_name) < 12
    assert all(socket.inet_pton(socket.AF_INET, ip) for ip in message.addresses("A"))
    assert all(socket.inet_pton(socket.AF_INET6, ip) for ip in message.addresses("AAAA"))


OPTIONS = b"\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00"

EVIL = {
    "nothing": b"",
    "half a header": head()[:11],
    "no question where one is announced": head(),
    "half a question": head() + QUESTION[:-1],
    "a label beyond the end": head() + b"\x3fabc",
    "a name without its end": head() + b"\x01a" * 20,
    "a name that is too long": head() + b"\x01a" * 128 + b"\x00\x00\x01\x00\x01",
    "a name that is too long by one": head() + b"\x01a" * 126 + b"\x02aa\x00\x00\x01\x00\x01",
    "text beyond the end": head(1, 1) + QUESTION + b"\x00\x00\x10" + A[2:-1],
    "two questions": head(2) + QUESTION * 2,
    "65535 questions": head(0xFFFF) + QUESTION,
    "a question that points to itself": head() + b"\xc0\x0c\x00\x01\x00\x01",
    "a question that points into the header": head() + b"\xc0\x04\x00\x01\x00\x01",
    "a question that points forward": head() + b"\xc0\x20\x00\x01\x00\x01" + b"\x00" * 40,
    "a label of type 01": head() + b"\x41\x00\x00\x01\x00\x01",
    "a label of type 10": head() + b"\x80\x00\x00\x01\x00\x01",
    "65535 answers, and not one": head(1, 0xFFFF) + QUESTION,
    "65535 answers, and one": head(1, 0xFFFF) + QUESTION + b"\xc0\x0c" + A,
    "65535 of each, and one": head(1, *[0xFFFF] * 3) + QUESTION + b"\xc0\x0c" + A,
    "an owner that points to itself": head(1, 1) + QUESTION + b"\xc0\x1f" + A,
    "an owner in a loop": head(1, 1) + QUESTION + b"\x01a\xc0\x1f" + A,
    "an owner that points forward": head(1, 1) + QUESTION + b"\xc0\x80" + A + b"\x00" * 99,
    "an owner that points into the header": head(1, 1) + QUESTION + b"\xc0\x00" + A,
    "half a pointer": head(1, 1) + QUESTION + b"\xc0",
    "half a record": head(1, 1) + QUESTION + b"\xc0\x0c" + A[:9],
    "an address beyond the end": head(1, 1) + QUESTION + b"\xc0\x0c" + A[:-1],
    "5 bytes of IPv4": head(1, 1) + QUESTION + b"\x00" + A.replace(b"\x00\x04", b"\x00\x05") + b"a",
    "no byte of IPv4": head(1, 1) + QUESTION + b"\x00" + A[:8] + b"\x00\x00",
    "4 bytes of IPv6": head(1, 1) + QUESTION + b"\x00\x00\x1c" + A[2:],
    "options twice": head(1, 0, 0, 2) + QUESTION + OPTIONS * 2,
}


@pytest.mark.parametrize("wire", EVIL.values(), ids=EVIL)
def test_what_is_refused(wire: bytes) -> None:
    with pytest.raises(Unreadable):
        read(wire)


def test_the_records_of_those_are_good_ones() -> None:
    """Or the tests above would not be about what they say."""
    message = read(head(1, 1, 0, 1) + QUESTION + b"\xc0\x0c" + A + OPTIONS)
    assert message.addresses("A") == ("192.0.2.1",)
    assert (message.code, message.code_name) == (16, "BADVERS")
    assert read(head() + b"\x01a" * 127 + b"\x00\x00\x01\x00\x01").question, "just not too long"


def test_addresses_of_another_class_or_section_are_none_of_ours() -> None:
    chaos = A.replace(b"\x00\x01\x00\x01", b"\x00\x01\x00\x03")
    assert read(head(1, 1) + QUESTION + b"\xc0\x0c" + chaos).records == ()
    assert read(head(1, 0, 1, 1) + QUESTION + (b"\xc0\x0c" + A) * 2).records == ()


TEXT = b"\x00\x10\x00\x01" + b"\x00" * 6
"""All of an empty record of text behind its name."""

SIZE = 0xFFFF - 12 - len(QUESTION)
HUGE = {
    "labels": b"\x01a" * 126 + b"\x00" + TEXT,
    "the shortest records": b"\x00" + TEXT,
    "addresses": b"\x00" + A,
    "pointers to the longest name": b"\xc0\x0c" + A,
}


@pytest.mark.parametrize("piece", HUGE.values(), ids=HUGE)
def test_the_longest_messages_are_read_in_no_time(piece: bytes) -> None:
    """A message cannot be longer than 65535 bytes; the work grows with its length, no faster."""
    wire = head(1, SIZE // len(piece)) + QUESTION + piece * (SIZE // len(piece))
    started = time.process_time()
    read(wire)
    with pytest.raises(Unreadable):
        read(head(1, 0xFFFF, 0xFFFF, 0xFFFF) + wire[12:])
    assert time.process_time() - started < 1.0


# ---- whose answer it is ------------------------------------------------------------------------

ASKED = Question(7, QUESTION[:-4], 1)


@pytest.mark.parametrize("code", range(12))
def test_only_some_failures_may_leave_the_question_out(code: int) -> None:
    query = dns.message.make_query(HOST, "A", id=7)
    wire = head(0, flags=code)
    assert ASKED.is_answered_by(read(wire)) is query.is_response(theirs(wire))
    assert ASKED.is_answered_by(read(wire)) is (code in (1, 2, 4, 5))


@pytest.mark.parametrize(
    "wire",
    [
        b"\x00\x08" + head()[2:] + QUESTION,
        head()[:2] + b"\x00" + head()[3:] + QUESTION,  # a question itself
        head(flags=dns.opcode.to_flags(dns.opcode.NOTIFY)) + QUESTION,
        head() + QUESTION.replace(b"obico", b"obicO"),
        head() + QUESTION.replace(b"obico", b"obiko"),
        head() + QUESTION[:-4] + b"\x00\x1c\x00\x01",
        head() + QUESTION[:-4] + b"\x00\x01\x00\x03",
        head() + QUESTION,
    ],
    ids=["number", "question", "operation", "capitals", "name", "type", "class", "right"],
)
def test_whose_answer_it_is(wire: bytes, request: pytest.FixtureRequest) -> None:
    right = request.node.callspec.id in ("right", "capitals")
    query = dns.message.make_query(HOST, "A", id=7)
    assert query.is_response(theirs(wire)) is right
    assert ASKED.is_answered_by(read(wire)) is right


def test_only_an_answer_to_the_question_is_cut_off() -> None:
    wire = head(flags=int(dns.flags.TC))
    assert ASKED.is_cut_off_in(wire)
    assert not ASKED.is_cut_off_in(head())
    assert not ASKED.is_cut_off_in(b"\x00\x08" + wire[2:])
    assert not ASKED.is_cut_off_in(wire[:2] + bytes((wire[2] & 0x7F,)) + wire[3:])
    assert not any(ASKED.is_cut_off_in(wire[:length]) for length in range(12))
