"""The sandbox server's printers, tokens and link codes. Thread-safe; knows nothing of sockets."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.records import HIDDEN
from sandbox.timing import Timing

CLOUD_PRINTER_NAME = "My Awesome Cloud Printer"
TOKEN_BYTES = 10
CODE_DIGITS = 6


def new_token() -> str:
    """20 random lower-case hex digits."""
    return secrets.token_hex(TOKEN_BYTES)


@dataclass
class Printer:
    """One printer of the sandbox's only user. Live: the server changes it."""

    id: int
    name: str
    token: str = field(repr=False)
    created_at: float
    archived: bool = False
    deleted: bool = False
    is_pro: bool = True
    should_watch: bool = False
    forced_viewing: bool = False
    retract_on_pause: float = 6.5
    lift_z_on_pause: float = 2.5
    tools_off_on_pause: bool = True
    bed_off_on_pause: bool = False
    action_on_failure: str = "PAUSE"
    watching_enabled: bool = True
    detective_sensitivity: float = 1.0
    min_timelapse_secs_on_finish: int = 600
    min_timelapse_secs_on_cancel: int = 300
    status: dict[str, Any] | None = None
    status_at: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    last_picture: bytes = field(default=b"", repr=False)

    @property
    def is_active(self) -> bool:
        return not (self.archived or self.deleted)


PATCHABLE = frozenset(Printer.__dataclass_fields__) - {
    "id", "token", "created_at", "deleted", "status", "status_at", "settings", "last_picture",
    "forced_viewing",
}  # fmt: skip


@dataclass
class LinkCode:
    """A 6-digit code; printer_id is None for a printer that is yet to be made."""

    id: int
    code: str
    expires_at: float
    printer_id: int | None
    verified_at: float | None = None


class Registry:
    """All printers and codes. `changed` is notified on every change and is also the lock."""

    def __init__(self, clock: Callable[[], float] = time.time, timing: Timing | None = None):
        self.changed = threading.Condition(threading.RLock())
        self.clock = clock
        self._timing = timing or Timing()
        self._printers: dict[int, Printer] = {}
        self._codes: dict[str, LinkCode] = {}
        self._issued_tokens: set[str] = set()
        self._revoked_tokens: set[str] = set()
        self._faulty: dict[str, list[Printer]] = {"archived": [], "deleted": []}

    # printers

    def add_printer(self, name: str) -> Printer:
        with self.changed:
            printer = Printer(
                id=max(self._printers, default=0) + 1,
                name=name,
                token=self._issue(),
                created_at=self.clock(),
            )
            self._printers[printer.id] = printer
            self.changed.notify_all()
            return printer

    def printers(self) -> list[Printer]:
        with self.changed:
            return list(self._printers.values())

    def printer(self, printer_id: int) -> Printer:
        """The printer, also an archived or deleted one. Raises KeyError."""
        with self.changed:
            try:
                return self._printers[printer_id]
            except KeyError:
                raise KeyError(f"no printer {printer_id}") from None

    def by_token(self, token: str) -> Printer | None:
        """The active printer that the token stands for now, else None."""
        with self.changed:
            if token in self._revoked_tokens:
                return None
            for printer in self._printers.values():
                if printer.is_active and secrets.compare_digest(
                    printer.token.encode(), token.encode("utf-8", "surrogateescape")
                ):
                    return printer
            return None

    def change(self, printer_id: int, **changes: Any) -> Printer:
        """Set fields of a printer. Raises KeyError, and AttributeError for an unknown field."""
        with self.changed:
            printer = self.printer(printer_id)
            for name, value in changes.items():
                if name not in Printer.__dataclass_fields__:
                    raise AttributeError(name)
                setattr(printer, name, value)
            self.changed.notify_all()
            return printer

    def relink(self, printer_id: int) -> str:
        """Replace the printer's token, which also revives a deleted printer; the new token."""
        return self.change(printer_id, token=self._issue(), deleted=False).token

    def current_status(self, printer: Printer) -> dict[str, Any] | None:
        """The stored status, None once it is older than 120 s."""
        with self.changed:
            fresh = self.clock() - printer.status_at <= self._timing.status_lifetime_s
            return printer.status if fresh else None

    # link codes

    def new_code(self, printer_id: int | None = None) -> str:
        """A code to link a new printer, or `printer_id` again. Raises KeyError."""
        with self.changed:
            if printer_id is not None:
                self.printer(printer_id)
            code = self._unused_code()
            expires_at = self.clock() + self._timing.code_lifetime_s
            self._codes[code] = LinkCode(len(self._codes) + 1, code, expires_at, printer_id)
            self.changed.notify_all()
            return code

    def redeem(self, code: str) -> tuple[LinkCode, Printer] | None:
        """Link the printer of a valid code; None for an unknown, used or expired one."""
        with self.changed:
            link = self._codes.get(code)
            now = self.clock()
            if link is None or link.verified_at is not None or now >= link.expires_at:
                return None
            if link.printer_id is None:
                link.printer_id = self.add_printer(CLOUD_PRINTER_NAME).id
            else:
                self.relink(link.printer_id)
            link.verified_at = now
            self.changed.notify_all()
            return link, self.printer(link.printer_id)

    # faults

    def begin_fault(self, fault_id: str) -> None:
        """Do to all printers what `revoked`, `archived` or `deleted` means; else nothing.

        Printers and tokens made later are not concerned: linking again is the way out.
        """
        with self.changed:
            if fault_id == "revoked":
                self._revoked_tokens = {p.token for p in self._printers.values()}
            elif fault_id in self._faulty:
                concerned = [p for p in self._printers.values() if not getattr(p, fault_id)]
                self._faulty[fault_id] = concerned
                self._mark(concerned, fault_id, True)
            self.changed.notify_all()

    def end_fault(self) -> None:
        """Undo `begin_fault`: the same tokens work again."""
        with self.changed:
            self._revoked_tokens = set()
            for flag, concerned in self._faulty.items():
                self._mark(concerned, flag, False)
                concerned.clear()
            self.changed.notify_all()

    # secrets

    def redact(self, text: str) -> str:
        """The text with every token that was ever issued hidden."""
        with self.changed:
            for token in self._issued_tokens:
                text = text.replace(token, HIDDEN)
            return text

    @staticmethod
    def _mark(printers: Iterable[Printer], flag: str, value: bool) -> None:
        for printer in printers:
            setattr(printer, flag, value)

    def _issue(self) -> str:
        token = new_token()
        self._issued_tokens.add(token)
        return token

    def _unused_code(self) -> str:
        while True:
            code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
            if code not in self._codes:
                return code
