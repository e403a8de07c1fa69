"""Certificates of every kind, made afresh for each test run."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

import trustme

NAME = "localhost"


class Certificates:
    """An authority of ours, its file, and servers' contexts with good and bad certificates."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA(organization_name="Test Authority")
        self._stranger = trustme.CA(organization_name="Unknown Authority")
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))
        self._folder = folder

    def good(self) -> ssl.SSLContext:
        """For `localhost`, of the authority in `ca_file`."""
        return _context(self._ca.issue_cert(NAME))

    def unknown_issuer(self) -> ssl.SSLContext:
        return _context(self._stranger.issue_cert(NAME))

    def wrong_name(self) -> ssl.SSLContext:
        return _context(self._ca.issue_cert("other.example", "www.other.example"))

    def expired(self) -> ssl.SSLContext:
        then = datetime.now(timezone.utc) - timedelta(days=2)
        return _context(self._ca.issue_cert(NAME, not_before=_T0, not_after=then))

    def not_yet_valid(self) -> ssl.SSLContext:
        then = datetime.now(timezone.utc) + timedelta(days=2)
        return _context(self._ca.issue_cert(NAME, not_before=then))

    def self_signed(self) -> ssl.SSLContext:
        """The leaf is its own issuer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pem = self._folder / "self.pem"
        pem.write_bytes(self._stranger.private_key_pem.bytes() + self._stranger.cert_pem.bytes())
        context.load_cert_chain(str(pem))
        return context

    def client_certificate_wanted(self) -> ssl.SSLContext:
        context = self.good()
        context.verify_mode = ssl.CERT_REQUIRED
        self._ca.configure_trust(context)
        return context


_T0 = datetime(2001, 1, 1, tzinfo=timezone.utc)


def _context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context
