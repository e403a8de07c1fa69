"""The last lines of the plugin's own log, kept in memory for the support bundle."""

from __future__ import annotations

import logging
import threading
from collections import deque

from .server.redact import without_secrets
from .server.words import iso

LOGGER = "octoprint.plugins.obico"
"""The logger whose lines are kept, with those below it."""

MAX_LINES = 2000
MAX_BYTES = 512 * 1024
"""What is kept at most; the oldest lines go first."""

_MAX_RECORD = 8 * 1024
"""Characters of one record, with its traceback; twice as many are looked at, so that no secret is
cut in two before it is found."""

_MAX_SECRETS = 50
_INDENT = "\n    "


class LogRing(logging.Handler):
    """Keeps records as redacted lines. It takes what the log levels let through, and never waits.

    Each record begins a line with its moment in UTC; its further lines are indented, so that no
    text from outside passes for a record.
    """

    def __init__(self, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES) -> None:
        super().__init__()
        self._max_lines, self._max_bytes = max_lines, max_bytes
        self._guard = threading.Lock()
        self._entries: deque[tuple[str, int, int]] = deque()
        self._lines = self._bytes = 0
        self._secrets: tuple[str, ...] = ()

    def attach(self, logger: str = LOGGER) -> None:
        """Begin to keep what is logged there."""
        logging.getLogger(logger).addHandler(self)

    def detach(self, logger: str = LOGGER) -> None:
        """Keep nothing more; what was kept stays."""
        logging.getLogger(logger).removeHandler(self)

    def hide(self, secret: str | None) -> None:
        """Let no line hold this exact value from now on. Also one that is replaced later stays."""
        if secret and secret not in self._secrets:
            self._secrets = (*self._secrets, secret)[-_MAX_SECRETS:]

    @property
    def hidden(self) -> tuple[str, ...]:
        """The values that are hidden: all of this session."""
        return self._secrets

    def text(self) -> str:
        """What is kept, the oldest line first; each ends with a line break."""
        with self._guard:
            return "".join(entry for entry, _, _ in self._entries)

    def createLock(self) -> None:
        # none for the work of emit: a thread that formats and redacts keeps no other waiting
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._keep(self.format(record))
        except Exception:  # whoever logs must not fail by it; the logging module's own habit
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        """The record as one or more lines, without secrets, its length bounded."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        if record.stack_info:
            text += "\n" + record.stack_info
        text = without_secrets(text[: 2 * _MAX_RECORD], *self._secrets)
        if len(text) > _MAX_RECORD:
            text = text[:_MAX_RECORD] + "…"
        lines = ["".join(c if c.isprintable() else " " for c in line) for line in text.split("\n")]
        name = record.name.partition("octoprint.plugins.")[2] or record.name
        head = f"{iso(record.created)} {record.levelname} {name} [{record.threadName}] "
        return head + _INDENT.join(lines) + "\n"

    def _keep(self, entry: str) -> None:
        size, lines = len(entry.encode("utf-8", "replace")), entry.count("\n")
        with self._guard:
            self._entries.append((entry, size, lines))
            self._bytes += size
            self._lines += lines
            while self._bytes > self._max_bytes or self._lines > self._max_lines:
                _, old_size, old_lines = self._entries.popleft()
                self._bytes -= old_size
                self._lines -= old_lines
