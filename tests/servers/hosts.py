"""A host of the agent that is no OctoPrint: a fake, the only one besides the clock."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from octoprint_obico.agent import Agent
from octoprint_obico.host import LinkedPrinterInfo
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.trust import Accepted
from octoprint_obico.webcam.snapshot import Webcam

from .faults import LIMIT_S


class FakeSettings:
    def __init__(self, address: str, token: str | None) -> None:
        self.address, self.stored_token = address, token
        self.stored_printer = LinkedPrinterInfo()
        self.stored_ca_file: str | None = None
        self.stored_certificate: Accepted | None = None
        self.stored_alert_after_s = 60.0
        self.stored_filament_nudge_s = 600.0
        self.stored_discovery = False  # else every test without a token has a chatty thread

    def server_address(self) -> str:
        return self.address

    def token(self) -> str | None:
        return self.stored_token

    def printer(self) -> LinkedPrinterInfo:
        return self.stored_printer

    def save_link(self, address: str, token: str, printer: LinkedPrinterInfo) -> None:
        self.address, self.stored_token, self.stored_printer = address, token, printer

    def save_printer(self, printer: LinkedPrinterInfo) -> None:
        self.stored_printer = printer

    def ca_file(self) -> str | None:
        return self.stored_ca_file

    def alert_after_s(self) -> float:
        return self.stored_alert_after_s

    def filament_nudge_s(self) -> float:
        return self.stored_filament_nudge_s

    def discovery(self) -> bool:
        return self.stored_discovery

    def accepted_certificate(self) -> Accepted | None:
        return self.stored_certificate

    def save_accepted_certificate(self, accepted: Accepted | None) -> None:
        self.stored_certificate = accepted


class FakePrinter:
    """An idle or printing printer that remembers what it was told to do."""

    def __init__(self) -> None:
        self.printing: bool | None = False
        self.told: list[str] = []
        self.takes = True
        self.entries: Mapping[str, Any] | None = {}
        self.storage: Path | None = None

    def current_data(self) -> Mapping[str, Any]:
        flags = {"operational": True, "printing": bool(self.printing)}
        text = "Printing" if self.printing else "Operational"
        job = {"file": {"name": "a.gcode"}, "filament": None}
        return {"state": {"text": text, "flags": flags}, "job": job, "progress": {}}

    def temperatures(self) -> Mapping[str, Any]:
        return {"tool0": {"actual": 20.0, "target": 0}}

    def is_printing(self) -> bool | None:
        return self.printing

    def pause_print(self) -> None:
        self.told.append("pause")

    def resume_print(self) -> None:
        self.told.append("resume")

    def cancel_print(self) -> None:
        self.told.append("cancel")

    def _take(self, *what: object) -> bool:
        self.told.append(" ".join(map(str, what)))
        return self.takes

    def send_gcode(self, lines: Sequence[str]) -> bool:
        return self._take("gcode", *lines)

    def jog(self, distances: Mapping[str, float]) -> bool:
        return self._take("jog", *(f"{axis}{mm}" for axis, mm in distances.items()))

    def home(self, axes: Sequence[str]) -> bool:
        return self._take("home", *axes)

    def set_temperature(self, heater: str, target: float) -> bool:
        return self._take("heat", heater, target)

    def connection_options(self) -> tuple[Sequence[str], Sequence[int]]:
        return ["/dev/ttyUSB0"], [250000, 115200]

    def connect(self, port: str | None, baudrate: int | None) -> bool:
        return self._take("connect", port, baudrate)

    def select_file(self, path: str, start: bool) -> bool:
        return self._take("print" if start else "select", path)

    def file_metadata(self, path: str) -> Mapping[str, Any]:
        return {}

    def open_file(self, path: str) -> IO[bytes] | None:
        return None

    def files(self, path: str | None, recursive: bool) -> Mapping[str, Any] | None:
        self._take("list", path, recursive)
        return self.entries

    def file_on_disk(self, path: str) -> str | None:
        place = self.storage / path if self.storage is not None else None
        return str(place) if place is not None and place.is_file() else None

    def folder_on_disk(self, path: str) -> str | None:
        if self.storage is None:
            return None
        (self.storage / path).mkdir(exist_ok=True)
        return str(self.storage / path)

    def add_file(self, path: str, source: str, display: str) -> str | None:
        if self.storage is None or not self._take("add", path, display):
            return None
        Path(source).replace(self.storage / path)
        return path


class FakeHost:
    """Settings, printer and webcams, as a test wants them."""

    def __init__(self, address: str, token: str | None, webcams: Sequence[Webcam] = ()) -> None:
        self.settings = FakeSettings(address, token)
        self.printer = FakePrinter()
        self._webcams = list(webcams)
        self._changed = threading.Condition()
        self.topics: list[str] = []

    def webcams(self) -> Sequence[Webcam]:
        return self._webcams

    def take_away(self, name: str) -> None:
        """Remove a webcam."""
        self._webcams = [webcam for webcam in self._webcams if webcam.name != name]

    def server_settings(self) -> Mapping[str, Any]:
        return {"agent": {"name": "octoprint_obico", "version": "3.0.0"}, "webcams": []}

    def in_network(self) -> Any:
        from octoprint_obico.server.own_address import InNetwork  # a linked one needs none

        return InNetwork("", 5000, "Default", "Generic RepRap Printer")

    def notify(self, topic: str) -> None:
        with self._changed:
            self.topics.append(topic)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = LIMIT_S) -> bool:
        """Wait until the condition holds; asked at each notification, and in between as well."""
        deadline = Deadline(timeout_s)
        with self._changed:
            while not condition():
                if deadline.over:
                    return False
                self._changed.wait(0.02)  # what succeeds again is not always announced
            return True

    def throttled(self) -> int | None:
        return None

    def rival(self) -> str | None:
        return None

    def versions(self) -> Mapping[str, str]:
        return {"plugin": "3.0.0"}


@contextlib.contextmanager
def running_agent(host: FakeHost, outbox_file: Path | None = None) -> Iterator[Agent]:
    """The whole plugin on this host, until the block ends."""
    agent = Agent(host, "3.0.0", outbox_file=outbox_file)
    agent.start()
    try:
        yield agent
    finally:
        agent.stop()
