"""The calls that the web and mobile apps make through the server (PROTOCOL 7)."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..host import PrinterHost
from ..server.faults import Faults
from ..server.journal import Once
from ..server.messages import passthru_answer, passthru_result
from ..server.redact import redact
from ..server.worker import Worker
from .arguments import RefusedError
from .functions import FUNCTIONS, Function, call

log = logging.getLogger("octoprint.plugins.obico.printer")

PART = "a call of the app"

MOST_WAITING = 20
MOST_REFS, MOST_REF_LENGTH = 100, 200

LATE_S = 20.0
"""A call that has waited longer is not carried out: its user does not expect it any more, and might
have a hand at the printer. The app itself gives up after 60 s."""

_IDLE_S = 3600.0  # between two turns of the thread that nobody has woken

UNKNOWN = "This plugin does not support the call."
_CROWDED = "Too many calls wait already. Please try again."
_LATE = "OctoPrint was too busy to do this in time. Please try again."
_FAULT = "The plugin could not do this. OctoPrint's log tells more."

Send = Callable[[Mapping[str, Any]], object]


class _Waiting(NamedTuple):
    """A call that waits for its turn."""

    name: str
    function: Function
    args: Any
    kwargs: Any
    ref: str | None
    send: Send
    since: float


class Passthru:
    """Takes calls, and carries them out one after the other on a thread of its own. Thread-safe.

    Args:
        faults: takes what nothing provides for; OctoPrint's own failures are none.
        on_done: called after each call that was carried out.
        more: functions of other parts than the printer, besides those of the table.
        clock: monotonic seconds; for tests.
    """

    def __init__(
        self,
        printer: PrinterHost,
        faults: Faults,
        on_done: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        more: Mapping[tuple[str, str], Function] = {},
    ) -> None:
        self._printer, self._faults = printer, faults
        self._on_done, self._clock = on_done, clock
        self._functions = {**FUNCTIONS, **more}
        self._lock = threading.Lock()
        self._refs: deque[str] = deque(maxlen=MOST_REFS)
        self._waiting: deque[_Waiting] = deque()
        self._unknown = Once()
        self._worker = Worker("obico-calls", self._turn, faults, PART, after_fault_s=0.0)

    def start(self) -> None:
        self._worker.start()

    def stop(self, timeout_s: float) -> None:
        """End after the current call, waiting up to so many seconds; what waits is dropped."""
        with self._lock:
            self._waiting.clear()
        self._worker.stop(timeout_s)

    def take(self, message: Mapping[str, Any], send: Send) -> None:
        """Take a call. Never waits.

        Args:
            send: takes the answer; it goes to the server that has asked, even if that is another
                one by then. There is none without a reference.
        """
        ref = message.get("ref")
        if ref is not None and not (isinstance(ref, str) and len(ref) <= MOST_REF_LENGTH):
            log.debug("A call of the app has a reference that is none")
            return
        ref = ref or None
        target, func = message.get("target"), message.get("func")
        named = isinstance(target, str) and isinstance(func, str)
        function = self._functions.get((str(target), str(func))) if named else None
        args, kwargs = message.get("args"), message.get("kwargs")
        with self._lock:
            if ref is not None and ref in self._refs:
                return  # the same call once more, over another way (PROTOCOL 7.1)
            if ref is not None:
                self._refs.append(ref)
            crowded = len(self._waiting) >= MOST_WAITING
            if function is not None and not crowded:
                now, name = self._clock(), f"{target}.{func}"
                self._waiting.append(_Waiting(name, function, args, kwargs, ref, send, now))
        if function is None:
            self._tell_unknown(f"{target}.{func}" if named else "one without a name")
        if ref is not None and (function is None or crowded):
            send(passthru_answer(ref, UNKNOWN if function is None else _CROWDED))
        self._worker.wake()

    def _tell_unknown(self, called: str) -> None:
        name = redact(called[:200])[:60]
        if self._unknown.is_new(name):
            log.info("A call of the app is not supported: %s", name)

    def _turn(self) -> float:
        """Carry out the next call, if one waits."""
        with self._lock:
            waiting = self._waiting.popleft() if self._waiting else None
        if waiting is None:
            return _IDLE_S
        result, error = self._carry_out(waiting)
        if waiting.ref is not None and error is None:
            waiting.send(passthru_result(waiting.ref, result))
        elif waiting.ref is not None:
            waiting.send(passthru_answer(waiting.ref, str(error)))
        self._on_done()
        return 0.0

    def _carry_out(self, waiting: _Waiting) -> tuple[Any, str | None]:
        """The result; or None, and what went wrong, for people."""
        if self._clock() - waiting.since > LATE_S:
            return None, _LATE
        log.debug("The app calls %s", waiting.name)
        try:
            result = call(waiting.function, self._printer, waiting.args, waiting.kwargs)
        except RefusedError as error:
            log.debug("%s is refused: %s", waiting.name, error)
            return None, str(error)
        except Exception as error:  # the app must not wait for an answer in vain
            self._faults.note(PART, error)
            return None, _FAULT
        return result, None
