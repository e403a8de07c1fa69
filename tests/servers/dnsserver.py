"""A name server that misbehaves, on UDP and TCP of one free port of loopback.

What it answers is a rule: a function of a :class:`Question` that returns the message to send, or
None for silence.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Optional

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from octoprint_obico.diagnosis.resolvers import Resolver

from .faults import LIMIT_S, LOOPBACK


@dataclass(frozen=True)
class Question:
    """One question to the server."""

    message: dns.message.Message
    over_tcp: bool
    stopping: threading.Event

    @property
    def kind(self) -> str:
        return dns.rdatatype.to_text(self.message.question[0].rdtype)

    @property
    def name(self) -> str:
        return self.message.question[0].name.to_text()

    def reply(self, code: int = dns.rcode.NOERROR) -> dns.message.Message:
        """A reply without records."""
        made = dns.message.make_response(self.message, recursion_available=True)
        made.set_rcode(dns.rcode.Rcode.make(code))
        return made


Rule = Callable[[Question], Optional[bytes]]


def code(number: int) -> Rule:
    """An answer without records: NXDOMAIN, SERVFAIL, or NOERROR for a name without addresses."""
    return lambda question: question.reply(number).to_wire()


nxdomain = code(dns.rcode.NXDOMAIN)
empty = code(dns.rcode.NOERROR)
servfail = code(dns.rcode.SERVFAIL)
refused = code(dns.rcode.REFUSED)


def silence(question: Question) -> bytes | None:
    return None


def addresses(*ips: str, alias: str | None = None) -> Rule:
    """These addresses, each for its own kind; where there is an alias, it has them."""

    def answer(question: Question) -> bytes:
        made = question.reply()
        owner = question.name
        if alias is not None:
            made.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", alias))
            owner = alias
        mine = [ip for ip in ips if (":" in ip) is (question.kind == "AAAA")]
        if mine:
            made.answer.append(dns.rrset.from_text(owner, 60, "IN", question.kind, *mine))
        return made.to_wire()

    return answer


def by_kind(a: Rule, aaaa: Rule) -> Rule:
    return lambda question: (a if question.kind == "A" else aaaa)(question)


def wrong_id(rule: Rule) -> Rule:
    def answer(question: Question) -> bytes | None:
        wire = rule(question)
        return None if wire is None else bytes([wire[0] ^ 0xFF]) + wire[1:]

    return answer


def other_question(question: Question) -> bytes:
    """An answer with the right number to what nobody asked."""
    made = dns.message.make_response(dns.message.make_query("other.example.", question.kind))
    made.id = question.message.id
    return made.to_wire()


def garbage(question: Question) -> bytes:
    return b"\x00\xff" * 40


def truncated(over_tcp: Rule, length: int = 40) -> Rule:
    """Over UDP an answer that ends in the midst of a record; over TCP that of the rule."""

    def answer(question: Question) -> bytes | None:
        if question.over_tcp:
            return over_tcp(question)
        wire = addresses(*(f"192.0.2.{n}" for n in range(90)))(question) or b""
        flags = int.from_bytes(wire[2:4], "big") | dns.flags.TC
        return (wire[:2] + flags.to_bytes(2, "big") + wire[4:])[:length]

    return answer


def late(seconds: float, rule: Rule) -> Rule:
    """Lets time pass first: the delay is the fault."""

    def answer(question: Question) -> bytes | None:
        return None if question.stopping.wait(seconds) else rule(question)

    return answer


def deaf(times: int, rule: Rule) -> Rule:
    """The first questions of each kind get lost."""
    heard: dict[str, int] = {}

    def answer(question: Question) -> bytes | None:
        heard[question.kind] = heard.get(question.kind, 0) + 1
        return None if heard[question.kind] <= times else rule(question)

    return answer


class DnsServer:
    """Answers as its rule says. A context manager.

    Attributes:
        asked: the questions so far, as (kind, "udp" or "tcp").
        names: the names that were asked for.
    """

    def __init__(self, rule: Rule, ip: str = LOOPBACK) -> None:
        self._rule, self._ip = rule, ip
        self._udp, self._tcp = _both(ip)
        self.port = int(self._udp.getsockname()[1])
        self.asked: list[tuple[str, str]] = []
        self.names: set[str] = set()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=work, name="dns-server", daemon=True)
            for work in (self._serve_udp, self._serve_tcp)
        ]

    @property
    def resolver(self) -> Resolver:
        return Resolver(self._ip, self.port)

    def __enter__(self) -> DnsServer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        with socket.socket(self._udp.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._udp.getsockname())
        with contextlib.suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)  # wakes accept
        for thread in self._threads:
            thread.join(LIMIT_S)
            assert not thread.is_alive()
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while not self._stopping.is_set():
            wire, peer = self._udp.recvfrom(4096)
            if wire:
                threading.Thread(
                    target=self._answer_udp, args=(wire, peer), name="dns-answer", daemon=True
                ).start()

    def _answer_udp(self, wire: bytes, peer: tuple[object, ...]) -> None:
        answer = self._answer(wire, over_tcp=False)
        if answer is not None and not self._stopping.is_set():
            with contextlib.suppress(OSError):  # stopped, or the client has left
                self._udp.sendto(answer, peer)

    def _serve_tcp(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(
                target=self._answer_tcp, args=(sock,), name="dns-answer", daemon=True
            ).start()

    def _answer_tcp(self, sock: socket.socket) -> None:
        """Answer one question after the other: the C library asks for A and AAAA in one go."""
        with sock, contextlib.suppress(OSError):
            sock.settimeout(LIMIT_S)
            while size := int.from_bytes(sock.recv(2, socket.MSG_WAITALL), "big"):
                answer = self._answer(sock.recv(size, socket.MSG_WAITALL), over_tcp=True)
                if answer is None:
                    self._stopping.wait(LIMIT_S)  # silent, but not gone
                    return
                sock.sendall(len(answer).to_bytes(2, "big") + answer)

    def _answer(self, wire: bytes, *, over_tcp: bool) -> bytes | None:
        question = Question(dns.message.from_wire(wire), over_tcp, self._stopping)
        self.asked.append((question.kind, "tcp" if over_tcp else "udp"))
        self.names.add(question.name)
        return self._rule(question)


def _both(ip: str) -> tuple[socket.socket, socket.socket]:
    """Sockets for UDP and TCP at the same free port."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    for _ in range(20):
        tcp = socket.socket(family, socket.SOCK_STREAM)
        udp = socket.socket(family, socket.SOCK_DGRAM)
        tcp.bind((ip, 0))
        tcp.listen(8)
        try:
            udp.bind(tcp.getsockname()[:2])
        except OSError:  # somebody else's
            tcp.close()
            udp.close()
            continue
        return udp, tcp
    raise AssertionError("no port is free for both UDP and TCP")


@contextlib.contextmanager
def refusing() -> Iterator[Resolver]:
    """A resolver whose port refuses: a socket that is connected elsewhere takes no one else's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, 0))
        taken.connect((LOOPBACK, 9))
        yield Resolver(LOOPBACK, int(taken.getsockname()[1]))


RULES: Mapping[str, Rule] = {
    "NXDOMAIN": nxdomain,
    "no address": empty,
    "SERVFAIL": servfail,
    "REFUSED": refused,
    "FORMERR": code(dns.rcode.FORMERR),
    "NOTIMP": code(dns.rcode.NOTIMP),
}
"""Rules that answer at once, by what becomes of them."""
