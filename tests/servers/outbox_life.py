"""A process that keeps events and sends them, to be killed at any moment (test_outbox_crash.py).

    python -m tests.servers.outbox_life FOLDER FIRST MODE

MODE `live` writes to standard output, one line each, what then holds whatever happens: `kept N`
once event N is on disk, `sent N` when the server has got it, N counting up from FIRST. It goes on
until it is killed. MODE `drain` only sends what is left, and ends with `state WAITING LOST`.
"""

from __future__ import annotations

import os
import sys
import threading
from itertools import count
from pathlib import Path

from octoprint_obico.server.outbox import FILE_NAME, Outbox
from octoprint_obico.server.outbox_events import Kind

PICTURE = bytes(range(256)) * 40
ROOM = 15
"""Events of this life that wait at most: the outbox takes far more."""


def say(*words: object) -> None:
    """Write a line at once and whole: it is out even if the process dies right after."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode("ascii"))


class Life:
    """One process with an outbox and a sender for each kind."""

    def __init__(self, folder: Path, first: int) -> None:
        self.first = first
        self.due = threading.Semaphore(0)
        self.room = threading.Semaphore(ROOM)
        self.outbox = Outbox(
            folder / FILE_NAME,
            record=lambda attempt: say("fault", attempt.message.replace(" ", "_")),
            on_due=lambda kind: self.due.release(),
            on_state=lambda: say("problem", self.outbox.problem),
        )
        self.outbox.use("link")
        self.outbox.start()

    def send_all(self, wait_s: float) -> None:
        """Send events of both kinds until none becomes due for so long."""
        while self.due.acquire(timeout=wait_s):
            for kind in Kind:
                entry = self.outbox.take(kind)
                if entry is None:
                    continue
                picture = self.outbox.snapshot(entry.number) if entry.has_snapshot else None
                whole = picture == (PICTURE if entry.has_snapshot else None)
                say("sent", entry.content["n"], kind if whole else "damaged")
                self.outbox.confirmed(entry.number)
                if int(entry.content["n"]) >= self.first:
                    self.room.release()

    def keep(self) -> None:
        """Keep events for ever, most of them in bursts."""
        for number in count(self.first):
            self.room.acquire()
            kind = Kind.HTTP if number % 3 == 0 else Kind.SOCKET
            self.outbox.put(kind, {"n": number}, PICTURE if number % 6 == 0 else None)
            if number % 5 == 0:
                if not self.outbox.flush(30.0):
                    say("stuck")
                say("kept", number)


def main() -> None:
    folder, first, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    life = Life(folder, first)
    if mode == "live":
        threading.Thread(target=life.send_all, args=(60.0,), daemon=True).start()
        life.keep()
    life.send_all(2.0)
    life.outbox.close()
    state = life.outbox.state()
    say("state", state.waiting, state.lost)


if __name__ == "__main__":
    main()
