"""Discovery: an OctoPrint that is not linked announces itself, and the app in the same network
links it without a code (PROTOCOL 2.7, 3.2).

It announces for some minutes only: after the start, and when somebody opens the page for linking.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .address import Address
from .backoff import Backoff
from .causes import Cause
from .errors import ChannelError
from .faults import Faults
from .http import HttpClient
from .responses import judge
from .retry_policy import HTTP
from .trust import Trust

log = logging.getLogger("octoprint.plugins.obico.link")

UNLINKED_PATH = "/api/v1/octo/unlinked/"

WINDOW_S = 600.0
"""How long it announces. At the pace below that is 240 of the 3600 calls that the server takes in
an hour from all printers behind one address (PROTOCOL 2.8)."""

PERIOD_S = 2.5
"""From one announcement to the next. The server remembers one for 4 s (PROTOCOL 2.7)."""

SAME_LOOK_S = 60.0
"""A page that is left open asks again and again: that is one look, and not a new one each time."""

HANDSHAKE_S = 60.0
"""How long the server's message waits for us once the app has asked for the secret (2.7)."""

FIELDS_FOR_S = 30.0
"""How long what is announced is taken to hold."""

NO_ADDRESS_S = 10.0
"""The wait where this computer has no address in a local network (yet)."""

TIMEOUT_S = 5.0
_MOST_MESSAGES = 3
_LONGEST_CODE = 64


class Identity(NamedTuple):
    """What the server knows us by, and what only the app in our own network is told."""

    device_id: str
    secret: str

    def __repr__(self) -> str:  # without the secret
        return f"Identity({self.device_id!r})"

    @classmethod
    def new(cls) -> Identity:
        """A random one: 32 and 64 hex digits (PROTOCOL 2.7, 3.2)."""
        return cls(uuid.uuid4().hex, secrets.token_hex(32))


def is_same(given: object, own: str) -> bool:
    """Whether a value from outside is our own text; how long it takes tells nothing of it."""
    if not isinstance(given, str):
        return False
    # half of a surrogate pair is valid in JSON
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), own.encode())


def code_of(message: object, own: Identity) -> str | None:
    """The code of a message that is for us and knows our secret; None for every other one."""
    if not isinstance(message, dict) or message.get("type") != "verify_code":
        return None
    data = message.get("data")
    data = data if isinstance(data, dict) else {}
    code = data.get("code")
    is_ours = is_same(message.get("device_id"), own.device_id)
    if not is_same(data.get("secret"), own.secret) or not is_ours:
        return None
    return code if isinstance(code, str) and 0 < len(code) <= _LONGEST_CODE else None


def _has_messages(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("messages"), list)


class Hooks(NamedTuple):
    """What discovery asks of the others, and tells them.

    Attributes:
        target: where to announce; None where that is not wanted: linked, or switched off.
        trust: what is trusted there.
        fields: what to announce there; None where no local network is known.
        on_code: takes an address and the code to link with.
        on_change: called when `running` has changed.
    """

    target: Callable[[], Address | None]
    trust: Callable[[Address], Trust]
    fields: Callable[[Address], Mapping[str, Any] | None]
    on_code: Callable[[Address, str], None]
    on_change: Callable[[], None]


class Discovery:
    """Owns the identity, the time until which it announces, and the thread that does.

    There is a thread only as long as it announces.
    """

    def __init__(
        self,
        hooks: Hooks,
        user_agent: str,
        faults: Faults,
        *,
        clock: Callable[[], float] = time.monotonic,
        period_s: float = PERIOD_S,
    ) -> None:
        self.identity = Identity.new()
        self._hooks, self._user_agent, self._faults = hooks, user_agent, faults
        self._clock, self._period_s = clock, period_s
        self._lock = threading.Lock()
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._until = self._looked_at = float("-inf")
        self._is_heard = False
        # the thread's own; the server's wish to be left alone outlives the thread
        self._due = float("-inf")
        self._backoff = Backoff(HTTP)
        self._client: HttpClient | None = None
        self._address: Address | None = None
        self._is_new, self._is_held = True, False
        self._fields: Mapping[str, Any] | None = None
        self._fields_until = float("-inf")
        self._last_cause: Cause | None = None
        self._has_refused = False

    # ---- what others ask ----------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the server has heard our last announcement: the app can find us."""
        with self._lock:
            return self._is_heard

    def secret_for(self, device_id: object) -> str | None:
        """The secret, for who knows our device id while we announce; None for everybody else."""
        is_known = is_same(device_id, self.identity.device_id)
        with self._lock:
            now = self._clock()
            if not is_known or self._thread is None or not self._is_wanted(now):
                return None
            self._until = max(self._until, now + HANDSHAKE_S)
        return self.identity.secret

    def open(self) -> None:
        """Announce from now on, as the settings are now. Never waits."""
        with self._lock:
            self._until = self._clock() + WINDOW_S
            self._is_new = True
        self._ensure()
        self._wake.set()

    def look(self) -> None:
        """Somebody looks at the page for linking: the same, once for each look. Never waits."""
        with self._lock:
            now = self._clock()
            if now - self._looked_at >= SAME_LOOK_S:
                self._until = now + WINDOW_S
            self._looked_at = now
        self._ensure()

    def stop(self, timeout_s: float) -> None:
        """End, waiting for the thread up to so many seconds."""
        self._stop.set()
        self._wake.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    # ---- the thread ---------------------------------------------------------------------------

    def _is_wanted(self, now: float) -> bool:
        in_time = now < self._until and not self._stop.is_set()
        return in_time and self._hooks.target() is not None

    def _ensure(self) -> None:
        """Have a thread where there is something to announce."""
        run = self._faults.guarded("discovery", self._run, self._stop)
        try:
            with self._lock:
                if self._thread is None and self._is_wanted(self._clock()):
                    thread = threading.Thread(target=run, name="obico-discovery", daemon=True)
                    thread.start()
                    self._thread = thread
        except RuntimeError as error:  # no thread left on this computer: the next look tries again
            self._faults.note("discovery", error)

    def _run(self) -> None:
        while True:
            client, wait_s = self._next()
            if client is None:
                return
            if wait_s <= 0:
                self._announce(client)
            else:
                self._wake.wait(wait_s)
                self._wake.clear()

    def _next(self) -> tuple[HttpClient | None, float]:
        """With what to announce and in how many seconds; None: the thread ends here."""
        with self._lock:
            now = self._clock()
            in_time = now < self._until and not self._stop.is_set()
            address = self._hooks.target() if in_time else None
            is_new, self._is_new, until = self._is_new, False, self._until
            client, was_heard = self._client, self._is_heard
            if address is None:
                self._thread, self._client, self._is_heard = None, None, False
        if address is None:
            if client is not None:
                client.close()
            if was_heard and not self._stop.is_set():
                self._hooks.on_change()
            return None, 0.0
        if is_new or client is None or client.address != address:
            client = self._turn_to(address, client, now)
        return client, min(self._due, until) - now

    def _turn_to(self, address: Address, old: HttpClient | None, now: float) -> HttpClient:
        """Go on with the settings as they are now: at once, unless the server wants its peace."""
        if address != self._address or not self._is_held:
            self._due = now
            self._backoff.proven()
        if old is not None:
            old.close()
        self._address = address
        self._fields_until = now
        self._client = HttpClient(address, self._user_agent, self._hooks.trust(address))
        return self._client

    def _announce(self, client: HttpClient) -> None:
        """Do it once, and set when to do it again."""
        address, started = client.address, self._clock()
        if self._fields is None or started >= self._fields_until:
            self._fields, self._fields_until = self._hooks.fields(address), started + FIELDS_FOR_S
        if self._fields is None:
            self._due = started + NO_ADDRESS_S
            self._tell(False)
            return
        body = {"device_id": self.identity.device_id, **self._fields}
        try:
            reply = client.request("POST", UNLINKED_PATH, json=body, timeout_s=TIMEOUT_S)
            judge(reply, address, False, _has_messages)
        except ChannelError as error:
            self._failed(address, error, started)
            return
        self._due = started + self._period_s
        self._backoff.proven()
        self._last_cause, self._is_held = None, False
        if self._tell(True):
            log.info("%s knows of us: the app in the same network can link us", address)
        for message in reply.json()["messages"][:_MOST_MESSAGES]:
            self._take(address, message)

    def _failed(self, address: Address, error: ChannelError, started: float) -> None:
        now = self._clock()
        self._due = now + self._backoff.failed(error, watched=False, took_s=now - started)
        self._is_held = error.retry_after is not None or error.cause is Cause.THROTTLED
        if error.cause is not self._last_cause:  # no more of it: the answer may hold the secret
            log.info("Cannot announce to %s: %s", address, error.cause.value)
        self._last_cause = error.cause
        self._tell(False)

    def _take(self, address: Address, message: object) -> None:
        """Link with a message's code; what another one says is passed over."""
        code = code_of(message, self.identity)
        if code is None:
            if not self._has_refused:
                self._has_refused = True
                log.warning("%s sent a message that is not for us; it is passed over", address)
        elif not self._stop.is_set() and self._hooks.target() == address:  # or linked meanwhile
            log.info("The app links us through %s", address)
            self._hooks.on_code(address, code)

    def _tell(self, is_heard: bool) -> bool:
        """Take whether the server knows of us; return whether that is news."""
        with self._lock:
            is_news, self._is_heard = self._is_heard is not is_heard, is_heard
        if is_news and not self._stop.is_set():
            self._hooks.on_change()
        return is_news
