"""Accepting a certificate in the background: what was confirmed, or nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from octoprint_obico.server.address import Address, parse_address
from octoprint_obico.server.certificate import parse_certificate
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults
from octoprint_obico.server.trust import Accepted, server_name
from octoprint_obico.trust_keeper import (
    FETCH_LIMIT_S,
    AcceptJob,
    AcceptOutcome,
    AcceptProblem,
    TrustKeeper,
)

from . import faults as f
from .certificates import Certificates, HomeMade
from .hosts import FakeSettings

Serve = Callable[[f.Behaviour], f.FaultServer]
UNKNOWN_FINGERPRINT = "AB:" * 31 + "AB"
AT_ONCE_S = 0.05
BUSY_S = 2.0
"""More than the limit, for a busy machine."""


class Job:
    """The job over settings of its own, and what it told."""

    def __init__(self) -> None:
        self.settings = FakeSettings("https://localhost", None)
        self.changes: list[Accepted | None] = []
        self.faults: list[Attempt] = []
        self.told = threading.Event()
        keeper = TrustKeeper(self.settings, self._on_change)
        faults = Faults(self.faults.append, logging.getLogger("octoprint.plugins.obico"))
        self.job = AcceptJob(keeper, self.told.set, faults)

    def _on_change(self) -> None:
        self.changes.append(self.settings.stored_certificate)

    def run(self, address: Address, fingerprint: str) -> AcceptOutcome:
        self.told.clear()
        run_id = self.job.start(address, fingerprint)
        assert self.told.wait(FETCH_LIMIT_S + BUSY_S)
        found, state, outcome = self.job.state()
        assert (found, state) == (run_id, "finished")
        assert outcome is not None
        return outcome


def address_of(server: f.FaultServer) -> Address:
    return parse_address(f"https://localhost:{server.port}")


def fingerprint_of(made: HomeMade) -> str:
    return parse_certificate(made.der).sha256


def test_what_was_confirmed_is_stored(serve: Serve, certificates: Certificates) -> None:
    made, job = certificates.home_made, Job()
    assert job.job.state() == (None, "none", None)
    address = address_of(serve(f.over_tls(made.context(), f.silence)))
    outcome = job.run(address, fingerprint_of(made))
    assert (outcome.problem, outcome.address) == (None, address)
    assert outcome.shown is not None
    assert job.changes == [Accepted(server_name(address), outcome.shown.pem)]
    assert outcome.shown.pem == made.pem


def test_another_certificate_is_shown_and_not_stored(
    serve: Serve, certificates: Certificates, tmp_path: Path
) -> None:
    job, twin = Job(), HomeMade.of(tmp_path / "twin.pem", "printer-server")
    server = serve(f.over_tls(twin.context(), f.silence))
    outcome = job.run(address_of(server), fingerprint_of(certificates.home_made))
    assert outcome.problem is AcceptProblem.CERTIFICATE_CHANGED
    assert outcome.shown is not None
    assert outcome.shown.sha256 == fingerprint_of(twin)
    assert (job.changes, job.settings.stored_certificate) == ([], None)


def test_a_silent_server_holds_up_nobody_and_ends_in_time(serve: Serve) -> None:
    job, address = Job(), address_of(serve(f.silence))
    began = time.monotonic()
    run_id = job.job.start(address, UNKNOWN_FINGERPRINT)
    assert time.monotonic() - began < AT_ONCE_S
    assert job.job.start(address, UNKNOWN_FINGERPRINT) is None, "one at a time"
    assert job.job.state() == (run_id, "running", None)
    assert job.told.wait(FETCH_LIMIT_S + BUSY_S)
    assert time.monotonic() - began < FETCH_LIMIT_S + BUSY_S
    outcome = job.job.state()[2]
    assert outcome is not None
    assert outcome.problem is not None
    assert outcome.problem.value == "tls_handshake_failed"
    assert job.changes == []


@pytest.mark.parametrize("behaviour", [f.close_at_once, f.reset_at_once, f.banner()])
def test_what_shows_no_certificate_has_its_cause(serve: Serve, behaviour: f.Behaviour) -> None:
    job = Job()
    outcome = job.run(address_of(serve(behaviour)), UNKNOWN_FINGERPRINT)
    assert outcome.problem is not None
    assert outcome.problem.value != "unknown_error"
    assert (outcome.shown, job.changes, job.faults) == (None, [], [])


def test_a_fault_of_ours_ends_the_run_and_is_recorded(
    serve: Serve, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job()

    def fail(accepted: Accepted | None) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(job.settings, "save_accepted_certificate", fail)
    server = serve(f.over_tls(certificates.home_made.context(), f.silence))
    outcome = job.run(address_of(server), fingerprint_of(certificates.home_made))
    assert outcome.problem is not None
    assert outcome.problem.value == "unknown_error"
    assert [fault.channel for fault in job.faults] == ["plugin"]
