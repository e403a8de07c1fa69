"""The log in memory: bounded, redacted where it is taken, and never in anybody's way."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator

import pytest

from octoprint_obico.log_ring import LOGGER, LogRing

TOKEN = "0123456789abcdef0123"


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger that hands on to nobody else."""
    logger = logging.getLogger("octoprint.plugins.obico.testing_log_ring")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger
    logger.handlers.clear()


@pytest.fixture
def ring(log: logging.Logger) -> LogRing:
    ring = LogRing()
    ring.attach(log.name)
    return ring


def test_a_line(ring: LogRing, log: logging.Logger) -> None:
    log.warning("HTTP: %s", "okay")
    head = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING obico\.testing_log_ring \[MainThread\] "
    assert re.fullmatch(head + "HTTP: okay\n", ring.text())


def test_it_takes_what_the_level_lets_through(ring: LogRing, log: logging.Logger) -> None:
    log.debug("one")
    log.setLevel(logging.INFO)
    log.debug("two")
    log.info("three")
    assert [line.split()[-1] for line in ring.text().splitlines()] == ["one", "three"]


def test_loggers_below_are_heard_and_others_are_not(ring: LogRing, log: logging.Logger) -> None:
    logging.getLogger(f"{log.name}.websocket").error("below")
    logging.getLogger("octoprint.testing_log_ring").error("beside")
    assert "testing_log_ring.websocket" in ring.text()
    assert "beside" not in ring.text()
    assert LOGGER == "octoprint.plugins.obico"


def test_nothing_is_kept_after_it_was_detached(ring: LogRing, log: logging.Logger) -> None:
    log.info("before")
    ring.detach(log.name)
    log.info("after")
    assert "before" in ring.text() and "after" not in ring.text()


def test_secrets_are_left_out_where_they_are_logged(ring: LogRing, log: logging.Logger) -> None:
    ring.hide(None)
    ring.hide(TOKEN)
    ring.hide(TOKEN)
    ring.hide("another-token")
    log.info("%s and another-token at http://me:pass@cam/?token=abc", TOKEN)
    log.info("Cookie: session=1; b=2\nnext")
    assert ring.hidden == (TOKEN, "another-token")
    shown = ring.text()
    for secret in (TOKEN, "another-token", "pass", "abc", "session=1", "b=2"):
        assert secret not in shown
    assert "REDACTED and REDACTED at http://REDACTED@cam/?token=REDACTED" in shown
    assert "next" in shown


def test_a_traceback_is_a_part_of_its_record(ring: LogRing, log: logging.Logger) -> None:
    ring.hide(TOKEN)
    try:
        raise ValueError(f"bad header {TOKEN}")
    except ValueError:
        log.exception("It failed")
    first, *others = ring.text().splitlines()
    assert first.endswith("] It failed")
    assert others[0] == "    Traceback (most recent call last):"
    assert others[-1] == "    ValueError: bad header REDACTED"
    assert all(line.startswith("    ") for line in others)


def test_no_text_passes_for_a_record_or_moves_the_cursor(
    ring: LogRing, log: logging.Logger
) -> None:
    log.info("name\n2026-01-01T00:00:00.000Z ERROR obico forged\r\x1b[2J\u2028end")
    first, second = ring.text().split("\n")[:2]
    assert first.endswith("name")
    assert second == "    2026-01-01T00:00:00.000Z ERROR obico forged  [2J end"


def test_the_oldest_lines_go_first(log: logging.Logger) -> None:
    ring = LogRing(max_lines=10, max_bytes=100_000)
    ring.attach(log.name)
    for number in range(30):
        log.info("line %d\nits second", number)
    lines = ring.text().splitlines()
    assert len(lines) == 10
    assert lines[-2].endswith("line 29") and lines[0].endswith("line 25")


def test_its_size_is_bounded(log: logging.Logger) -> None:
    ring = LogRing(max_bytes=50_000)
    ring.attach(log.name)
    for _ in range(200):
        log.info("ä" * 1000)
        assert len(ring.text().encode()) <= 50_000
    assert len(ring.text().encode()) > 45_000


def test_a_record_is_bounded_and_no_secret_is_cut_in_two(
    ring: LogRing, log: logging.Logger
) -> None:
    ring.hide(TOKEN)
    for fill in range(8 * 1024 - len(TOKEN), 8 * 1024 + 1):
        log.info("%s%s%s", "x" * fill, TOKEN, "y" * 100_000)
    assert TOKEN[:8] not in ring.text()
    assert max(map(len, ring.text().splitlines())) < 9 * 1024


def test_a_record_that_cannot_be_formatted_harms_nobody(
    ring: LogRing, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.info("%d", "no number")
    log.info("next")
    assert ring.text().endswith("next\n")


def test_many_threads_at_once(log: logging.Logger) -> None:
    ring = LogRing(max_lines=100)
    ring.attach(log.name)

    def work(number: int) -> None:
        for turn in range(200):
            ring.hide(f"secret-{number}-{turn % 3}")
            log.info("thread %d", number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ring.text().splitlines()) == 100


def test_who_logs_while_he_is_logged_does_not_block(ring: LogRing, log: logging.Logger) -> None:
    """Who logs while he is being logged (a `__str__` that logs) must not wait for himself."""

    class Talkative:
        def __str__(self) -> str:
            log.info("inside")
            return "outside"

    log.info("%s", Talkative())
    # pytest's own handlers may ask for the text as well
    assert {line.split()[-1] for line in ring.text().splitlines()} == {"inside", "outside"}
