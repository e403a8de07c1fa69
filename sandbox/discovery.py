"""Unlinked agents that announce themselves, and the messages that wait for them."""

from __future__ import annotations

import ipaddress
import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.timing import Timing

MAX_MESSAGES = 3
PASSCODE_LENGTH = 5
PASSCODE_LETTERS = string.ascii_lowercase + string.digits


@dataclass
class Announcement:
    """What an unlinked agent told of itself, and when (Unix seconds)."""

    at: float
    device_id: str
    fields: dict[str, Any]


@dataclass
class _Message:
    at: float
    device_id: str
    body: dict[str, Any]


class Discovery:
    """Remembers announcements for 4 s and messages for 60 s. Thread-safe."""

    def __init__(
        self, changed: threading.Condition, clock: Callable[[], float], timing: Timing
    ) -> None:
        self._changed = changed
        self._clock = clock
        self._timing = timing
        self._announced: dict[str, Announcement] = {}
        self._messages: list[_Message] = []
        self._passcodes: dict[str, float] = {}
        self._entered: dict[str, tuple[float, str]] = {}

    def announced(self) -> list[Announcement]:
        """Those devices that a user would see now."""
        with self._changed:
            oldest = self._clock() - self._timing.announcement_s
            return [a for a in self._announced.values() if a.at > oldest]

    def announce(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Take an announcement and give the reply. Raises KeyError for a missing field."""
        device_id, host = str(fields["device_id"]), str(fields["host_or_ip"])
        with self._changed:
            if _is_local_address(host):
                self._announced[device_id] = Announcement(self._clock(), device_id, dict(fields))
            reply: dict[str, Any] = {"messages": self._take_messages(device_id)}
            if "one_time_passcode" in fields:
                reply.update(self._passcode_reply(str(fields["one_time_passcode"])))
            self._changed.notify_all()
            return reply

    def send_verify_code(self, device_id: str, code: str, secret: str) -> None:
        """Leave a message which the device's next announcement fetches."""
        body = {
            "device_id": device_id,
            "type": "verify_code",
            "data": {"code": code, "secret": secret},
        }
        with self._changed:
            self._messages.append(_Message(self._clock(), device_id, body))

    def enter_passcode(self, passcode: str, code: str) -> None:
        """What the user does in the app: type the passcode. Raises KeyError for an unknown one."""
        with self._changed:
            if passcode not in self._passcodes:
                raise KeyError(f"no passcode {passcode}")
            self._entered[passcode] = (self._clock(), code)

    def _take_messages(self, device_id: str) -> list[dict[str, Any]]:
        oldest = self._clock() - self._timing.message_s
        self._messages = [m for m in self._messages if m.at > oldest]
        mine = [m for m in self._messages if m.device_id == device_id][:MAX_MESSAGES]
        self._messages = [m for m in self._messages if m not in mine]
        return [m.body for m in mine]

    def _passcode_reply(self, passcode: str) -> dict[str, str]:
        now = self._clock()
        made_at = self._passcodes.get(passcode)
        if made_at is None or now - made_at >= self._timing.code_lifetime_s:
            passcode = "".join(secrets.choice(PASSCODE_LETTERS) for _ in range(PASSCODE_LENGTH))
            self._passcodes[passcode] = now
        entered_at, code = self._entered.get(passcode, (now, ""))
        return {
            "one_time_passcode": passcode,
            "one_time_passlink": f"https://obico.example/otp/?one_time_passcode={passcode}",
            "verification_code": code if now - entered_at < self._timing.message_s else "",
        }


def _is_local_address(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback
