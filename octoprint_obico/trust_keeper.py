"""What is trusted at which server, by the stored settings; and accepting one certificate."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .host import SettingsHost
from .server.address import Address, parse_address
from .server.background import BackgroundJob
from .server.causes import Cause
from .server.deadline import Deadline
from .server.errors import AddressError, ChannelError
from .server.faults import Faults
from .server.trust import NO_EXTRA, Accepted, Trust, ca_file_problem, server_name, trust_for
from .server.words import Word

if TYPE_CHECKING:
    from .server.certificate import Certificate

log = logging.getLogger("octoprint.plugins.obico")

FETCH_LIMIT_S = 5.0
"""For fetching a certificate that is to be accepted: somebody sits before the page and waits."""


class TrustKeeper:
    """The trust settings' one reader, and the one who writes the accepted certificate.

    Args:
        on_change: called after it was written.
    """

    def __init__(self, settings: SettingsHost, on_change: Callable[[], None]) -> None:
        self._settings, self._on_change = settings, on_change

    def at(self, address: Address) -> Trust:
        """What is trusted at this address."""
        settings = self._settings
        trust = trust_for(address, settings.ca_file(), settings.accepted_certificate())
        problem = ca_file_problem(trust.ca_file) if trust.ca_file else None
        if problem is not None:
            log.warning("The CA file %s cannot be used: %s", trust.ca_file, problem)
        return trust

    def at_stored_address(self) -> Trust:
        """What is trusted at the stored address; nothing beyond the usual where it is unusable."""
        try:
            return self.at(parse_address(self._settings.server_address()))
        except AddressError:
            return NO_EXTRA

    def accept(self, address: Address, fingerprint: str) -> Certificate:
        """Trust the certificate that this server shows from now on, if it is the confirmed one.

        Returns:
            The certificate that it shows; it was stored if its `sha256` is `fingerprint`.

        Raises:
            ChannelError: the server shows none within `FETCH_LIMIT_S` seconds.
        """
        from .server.certificate import shown_certificate  # rarely, so not in memory until then

        limit = Deadline(FETCH_LIMIT_S)
        shown = shown_certificate(address, limit, trust=self.at(address)).certificate
        if shown.sha256 == fingerprint:
            log.info("A certificate of %s was accepted: SHA-256 %s", address, fingerprint)
            accepted = Accepted(server_name(address), shown.pem)
            self._settings.save_accepted_certificate(accepted)
            self._on_change()
        return shown

    def forget(self) -> None:
        """Trust no accepted certificate any more."""
        log.info("The accepted certificate was removed")
        self._settings.save_accepted_certificate(None)
        self._on_change()


class AcceptProblem(Word):
    """What is special to accepting a certificate; all else is a Cause."""

    CERTIFICATE_CHANGED = "certificate_changed"


class AcceptOutcome(NamedTuple):
    """How accepting a certificate ended.

    Attributes:
        problem: None where it was accepted.
        facts: fill in the problem's text.
        shown: what the server shows now; None where it could not be fetched.
        address: the server's; None where it is not known any more.
    """

    problem: AcceptProblem | Cause | None
    facts: Mapping[str, Any]
    shown: Certificate | None = None
    address: Address | None = None


class AcceptJob:
    """Accepts in the background: one certificate at a time, no request of a browser waits for it.

    Args:
        announce: called at the end, from the job's thread.
        faults: takes what should not happen; the outcome is an unknown error then.
    """

    def __init__(self, keeper: TrustKeeper, announce: Callable[[], None], faults: Faults) -> None:
        self._keeper = keeper
        self._job: BackgroundJob[None, AcceptOutcome] = BackgroundJob(
            "obico-certificate", "accepting a certificate", faults, announce
        )

    def start(self, address: Address, fingerprint: str) -> str | None:
        """Start to accept the certificate with this fingerprint, if the server still shows it.

        Returns:
            the run's id, or None while another one is under way.
        """
        started = self._job.start(lambda: self._work(address, fingerprint))
        return started.run if started.is_new else None

    def _work(self, address: Address, fingerprint: str) -> AcceptOutcome:
        facts = address.facts
        try:
            shown = self._keeper.accept(address, fingerprint)
        except ChannelError as error:
            log.info("The certificate of %s could not be fetched: %s", address, error.cause.value)
            return AcceptOutcome(error.cause, {**error.facts, **facts}, None, address)
        if shown.sha256 == fingerprint:
            return AcceptOutcome(None, facts, shown, address)
        log.warning("%s shows another certificate than the one confirmed", address)
        return AcceptOutcome(AcceptProblem.CERTIFICATE_CHANGED, facts, shown, address)

    def state(self) -> tuple[str | None, str, AcceptOutcome | None]:
        """The run's id, "none", "running" or "finished", and the outcome of a finished run."""
        run_id, state, _, outcome = self._job.state()
        if outcome is None and state == "finished":  # a fault has ended it
            outcome = AcceptOutcome(Cause.UNKNOWN_ERROR, {})
        return run_id, state, outcome
