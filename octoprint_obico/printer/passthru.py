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
from .arguments import RefusedError
from .functions import FUNCTIONS, Function, call

log = logging.getLogger("octoprint.plugins.obico.printer")

PART = "a call of the app"

MOST_WAITING = 20
MOST_REFS, MOST_REF_LENGTH = 100, 200

LATE_S = 20.0
"""A call that has waited longer is not carried out: its user does not expect it any more, and might
have a hand at the printer. The app itself gives up after 60 s."""

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
    """Takes calls, and carries them out one after the other on a thread of their own. Thread-safe.

    Args:
        faults: takes what nothing provides for; OctoPrint's own failures are none.
        on_done: called after each call that was carried out.
        more: functions beside those of `functions.py`.
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
        self._functions = {**FUNCTIONS, **more}
        self._on_done, self._clock = on_done, clock
        self._lock = threading.Lock()
        self._refs: deque[str] = deque(maxlen=MOST_REFS)
        self._waiting: deque[_Waiting] = deque()
        self._unknown = Once()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def stop(self, timeout_s: float) -> None:
        """End after the current call, waiting up to so many seconds; what waits is dropped."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()
            thread = self._thread
        if thread is not None and thread.ident is not None:
            thread.join(timeout_s)

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
        taken = False
        if function is None:
            self._tell_unknown(f"{target}.{func}" if named else "one without a name")
        else:
            name = f"{target}.{func}"
            taken = self._queue(_Waiting(name, function, args, kwargs, ref, send, self._clock()))
        if ref is not None and not taken:
            send(passthru_answer(ref, UNKNOWN if function is None else _CROWDED))

    def _queue(self, call: _Waiting) -> bool:
        """Have it carried out, by a thread that lives as long as there are calls."""
        with self._lock:
            if self._stopped or len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting.append(call)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="obico-calls", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the computer has no thread left
                    self._waiting.remove(call)
                    return False
                self._thread = thread
        return True

    def _tell_unknown(self, called: str) -> None:
        name = redact(called[:200])[:60]
        if self._unknown.is_new(name):
            log.info("A call of the app is not supported: %s", name)

    def _run(self) -> None:
        """Carry out what waits, until nothing does."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                waiting = self._waiting.popleft()
            try:
                self._turn(waiting)
            except Exception as error:  # the calls behind it must not wait in vain
                self._faults.note(PART, error)

    def _turn(self, waiting: _Waiting) -> None:
        result, error = self._carry_out(waiting)
        if waiting.ref is not None and error is None:
            waiting.send(passthru_result(waiting.ref, result))
        elif waiting.ref is not None:
            waiting.send(passthru_answer(waiting.ref, str(error)))
        self._on_done()

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
