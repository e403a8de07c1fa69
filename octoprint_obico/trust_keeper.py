"""What is trusted at which server, by the stored settings; and accepting one certificate."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .host import SettingsHost
from .server.address import Address, parse_address
from .server.certificate import Certificate, shown_certificate
from .server.deadline import Deadline
from .server.errors import AddressError
from .server.trust import NO_EXTRA, Accepted, Trust, ca_file_problem, server_name, trust_for

log = logging.getLogger("octoprint.plugins.obico")

FETCH_LIMIT_S = 5.0
"""For fetching a certificate that is to be accepted: the page waits for it."""


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
