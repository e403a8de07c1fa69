"""The printer's name, changed from here (PROTOCOL 2.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .background import BackgroundJob
from .causes import Cause
from .errors import ChannelError, ObicoError
from .faults import Faults
from .http import PRINTER_PATH, expect_printer
from .http_channel import HttpChannel
from .words import Word

log = logging.getLogger("octoprint.plugins.obico.link")

NAME_LIMIT = 200
"""Characters. The server checks nothing; more than that nobody reads."""

RENAME_TIMEOUT_S = 8.0
"""For the change; as long again for reading what has become of it."""

_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, of halves of a character, and of breaks of a line."""


class NameProblem(Word):
    """What is special to naming a printer; all else is a Cause."""

    NAME_EMPTY = "name_empty"
    NAME_TOO_LONG = "name_too_long"
    NAME_UNFIT = "name_unfit"
    NOT_LINKED = "not_linked"
    LINK_CHANGED = "link_changed"


class NamingError(ObicoError):
    """A name was not taken.

    Attributes:
        problem: a NameProblem or a Cause.
        facts: fill in the text.
    """

    def __init__(
        self, problem: NameProblem | Cause, facts: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(problem.value)
        self.problem, self.facts = problem, facts or {}


def checked_name(typed: str) -> str:
    """A name as it is sent: 1 to 200 characters in one line. Raises NamingError."""
    import unicodedata  # rarely, so not in memory until then

    name = typed.strip()
    if not name:
        raise NamingError(NameProblem.NAME_EMPTY)
    if len(name) > NAME_LIMIT:
        raise NamingError(NameProblem.NAME_TOO_LONG, {"limit": NAME_LIMIT})
    if any(unicodedata.category(character) in _UNFIT for character in name):
        raise NamingError(NameProblem.NAME_UNFIT)
    return name


class NameOutcome(NamedTuple):
    """How naming ended: the name as the server has it now, or a problem."""

    name: str = ""
    error: NamingError | None = None


class NameJob:
    """Names the printer in the background: one name at a time, no request of a browser waits.

    Args:
        channel: gives the live HTTP channel, None where there is no link.
        on_printer: takes the server's description of the printer (PROTOCOL 2.2) with its new name;
            called from the job's thread.
        announce: called at the end.
        faults: takes what should not happen; the outcome is an unknown error then.
    """

    def __init__(
        self,
        channel: Callable[[], HttpChannel | None],
        on_printer: Callable[[Any], None],
        announce: Callable[[], None],
        faults: Faults,
    ) -> None:
        self._channel, self._on_printer = channel, on_printer
        self._job: BackgroundJob[None, NameOutcome] = BackgroundJob(
            "obico-name", "naming the printer", faults, announce
        )

    def start(self, typed: str) -> str | None:
        """Start to change the name; return the run's id, or None while another one is under way.

        Raises:
            NamingError: the name cannot be used, or there is no linked printer.
        """
        name, channel = checked_name(typed), self._channel()
        if channel is None:
            raise NamingError(NameProblem.NOT_LINKED)
        started = self._job.start(lambda: self._work(channel, name))
        return started.run if started.is_new else None

    def _work(self, channel: HttpChannel, name: str) -> NameOutcome:
        try:
            before = channel.call(
                "PATCH",
                PRINTER_PATH,
                expect_printer,
                json={"name": name},
                timeout_s=RENAME_TIMEOUT_S,
            )
        except ChannelError as error:
            log.info("The printer was not named: %s", error.cause.value)
            return NameOutcome(error=NamingError(error.cause, error.facts))
        answer = _after(channel, before, name)
        if self._channel() is not channel:  # linked anew meanwhile: that printer has its own name
            return NameOutcome(error=NamingError(NameProblem.LINK_CHANGED))
        self._on_printer(answer)
        log.info("The printer was named")
        return NameOutcome(str(answer["printer"].get("name") or "")[:NAME_LIMIT])

    def state(self) -> tuple[str | None, str, NameOutcome | None]:
        """The run's id, "none", "running" or "finished", and the outcome of a finished run."""
        run_id, state, _, outcome = self._job.state()
        if outcome is None and state == "finished":  # a fault has ended it
            outcome = NameOutcome(error=NamingError(Cause.UNKNOWN_ERROR))
        return run_id, state, outcome


def _after(channel: HttpChannel, before: Any, name: str) -> Any:
    """The server's description after the change; the answer to the change is that from before it.

    Where it cannot be read once more, what the server has taken is what counts.
    """
    try:
        return channel.who_am_i()
    except ChannelError:
        return {**before, "printer": {**before["printer"], "name": name}}
