"""Asks all resolvers at once, A and AAAA apart, and collects what they say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..server.address import literal_ip
from ..server.deadline import Deadline
from .resolver_query import NO_ANSWER, Reply, Said, ask
from .resolvers import Resolver

KINDS = ("A", "AAAA")

HEAD_START_S = 1.0
"""How long the operating system may take for a name before the resolvers are asked beside it."""
_LIMIT_S = 4.5
"""Longest wait for the resolvers: a lost question is sent again after 1 s and 2.5 s."""
_GRACE_S = 1.5
"""How long the others may take once one has said what there is to say."""

DEFINITE = frozenset({Said.ADDRESSES, Said.NOT_FOUND, Said.EMPTY})
"""What the C library takes for an answer; after all else it asks the next resolver."""

_WEIGHT = (
    Said.ADDRESSES,
    Said.NOT_FOUND,
    Said.FAILURE,
    Said.EMPTY,
    Said.SILENT,
    Said.REFUSED,
    Said.NO_ROUTE,
)
"""Of a resolver's two replies, that which stands first here speaks for both."""


@dataclass(frozen=True)
class Answer:
    """What one resolver said, kind by kind."""

    resolver: Resolver
    replies: tuple[Reply, ...]

    @property
    def said(self) -> Said:
        """What both replies mean together."""
        both = {reply.said for reply in self.replies}
        if both == {Said.EMPTY, Said.NOT_FOUND}:
            return Said.EMPTY  # NXDOMAIN is about the name, not the kind: one says that it exists
        return min(both, key=_WEIGHT.index)

    @property
    def text(self) -> str:
        """For people: what it said, kind by kind only where the two differ."""
        texts = [reply.text for reply in self.replies]
        if len(set(texts)) == 1:
            return texts[0]
        return ", ".join(f"{kind}: {text}" for kind, text in zip(KINDS, texts))

    @property
    def addresses(self) -> list[str]:
        return [ip for reply in self.replies for ip in reply.addresses]

    @property
    def evidence(self) -> dict[str, Any]:
        """For programs: server, origin, what was said to each kind, milliseconds of the slower."""
        return {
            "server": self.resolver.shown,
            "origin": self.resolver.origin.value,
            **{kind: reply.text for kind, reply in zip(KINDS, self.replies)},
            "ms": max(reply.ms for reply in self.replies),
        }


class Inquiry:
    """Asks each resolver directly, from when `start` is called.

    The threads that ask are left behind where nobody waits for them; they end with their limit.

    Args:
        host: the name; taken as absolute (no search list).
        read: says whom to ask; called when started.
        deadline: of the whole check.
    """

    def __init__(
        self, host: str, read: Callable[[], Sequence[Resolver]], deadline: Deadline
    ) -> None:
        self._host, self._read, self._deadline = host, read, deadline
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._resolvers: Sequence[Resolver] = ()
        self._replies: dict[tuple[Resolver, str], Reply] = {}
        self._limit: Deadline | None = None
        self._started_at = 0.0

    @property
    def started(self) -> bool:
        return self._limit is not None

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Start when what is done meanwhile takes longer than its head start."""
        timer = threading.Timer(HEAD_START_S, self.start)
        timer.daemon = True
        if literal_ip(self._host) is None and not is_multicast(self._host):
            timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def start(self) -> None:
        """Ask now, once; a second call does nothing. Does not wait for the answers."""
        with self._lock:
            if self._limit is not None:
                return
            named = literal_ip(self._host) is None
            resolvers = tuple(dict.fromkeys(self._read())) if named else ()
            self._started_at = time.monotonic()
            limit = self._deadline.within(_LIMIT_S)
            for resolver in resolvers:
                for kind in KINDS:
                    threading.Thread(
                        target=self._ask,
                        args=(resolver, kind, limit),
                        name="obico-resolver",
                        daemon=True,
                    ).start()
            self._resolvers, self._limit = resolvers, limit

    def _ask(self, resolver: Resolver, kind: str, limit: Deadline) -> None:
        reply = ask(resolver, self._host, kind, limit)
        with self._changed:
            self._replies[resolver, kind] = reply
            self._changed.notify_all()

    def wait(self) -> list[Answer]:
        """Start, wait until it is clear what the resolvers say, and return that; in their order."""
        self.start()
        limit = self._limit
        assert limit is not None
        with self._changed:
            while not (self._enough() or limit.over):
                self._changed.wait(max(limit.slice(), 0.001))
        return self.answers()

    def _enough(self) -> bool:
        if len(self._replies) == len(self._resolvers) * len(KINDS):
            return True
        if time.monotonic() - self._started_at < _GRACE_S:
            return False
        return any(
            all((resolver, kind) in self._replies for kind in KINDS)
            and self._answer(resolver).said in DEFINITE
            for resolver in self._resolvers
        )

    def answers(self) -> list[Answer]:
        """What the resolvers have said so far, in their order. Empty where none was asked."""
        with self._lock, self._changed:
            return [self._answer(resolver) for resolver in self._resolvers]

    def _answer(self, resolver: Resolver) -> Answer:
        waited_ms = round((time.monotonic() - self._started_at) * 1000)
        nothing = Reply(Said.SILENT, NO_ANSWER, waited_ms)
        replies = tuple(self._replies.get((resolver, kind), nothing) for kind in KINDS)
        return Answer(resolver, replies)


def is_multicast(host: str) -> bool:
    """Whether the machines of a network answer for this name themselves (mDNS, RFC 6762)."""
    return host.lower().rstrip(".").endswith(".local")
