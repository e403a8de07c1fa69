"""Certificates of every kind, made afresh for each test run."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "localhost"


class Certificates:
    """An authority of ours, its file, and servers' contexts with good and bad certificates."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA(organization_name="Test Authority")
        self._stranger = trustme.CA(organization_name="Unknown Authority")
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))
        self.folder = folder

    def good(self) -> ssl.SSLContext:
        """For `localhost`, of the authority in `ca_file`."""
        return _context(self._ca.issue_cert(NAME))

    def good_file(self) -> Path:
        """The same, with its key, as a file for other programs."""
        leaf, pem = self._ca.issue_cert(NAME), self.folder / "good.pem"
        pem.write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
        return pem

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

    def valid_days(self, first: float, last: float) -> ssl.SSLContext:
        """Valid from and until so many days from now; negative: ago."""
        now = datetime.now(timezone.utc)
        begin, end = now + timedelta(days=first), now + timedelta(days=last)
        return _context(self._ca.issue_cert(NAME, not_before=begin, not_after=end))

    def self_signed(self) -> ssl.SSLContext:
        """The leaf is its own issuer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pem = self.folder / "self.pem"
        pem.write_bytes(self._stranger.private_key_pem.bytes() + self._stranger.cert_pem.bytes())
        context.load_cert_chain(str(pem))
        return context

    @cached_property
    def home_made(self) -> HomeMade:
        """Self-signed for another name, as people make them with openssl; one and the same."""
        return HomeMade.of(self.folder / "home.pem", "printer-server")

    def client_certificate_wanted(self) -> ssl.SSLContext:
        context = self.good()
        context.verify_mode = ssl.CERT_REQUIRED
        self._ca.configure_trust(context)
        return context


@dataclass(frozen=True)
class HomeMade:
    """A self-signed certificate and its key.

    Attributes:
        pem_file: both of them.
        pem: the certificate alone.
    """

    pem_file: Path
    pem: str

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.pem)

    def context(self) -> ssl.SSLContext:
        """A server's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.pem_file))
        return context

    @classmethod
    def of(
        cls,
        pem_file: Path,
        common_name: str,
        names: tuple[str, ...] = (),
        days: tuple[float, float] = (-1, 30),
    ) -> HomeMade:
        """Make one; the names can be hostile: they are not checked, and no warning is given."""
        key = ec.generate_private_key(ec.SECP256R1())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attribute = x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False)
        name = x509.Name([attribute])
        now = datetime.now(timezone.utc)
        builder = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
        )
        if names:
            shown = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
            builder = builder.add_extension(shown, critical=False)
        made = builder.sign(key, hashes.SHA256())
        pem = made.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        pem_file.write_bytes(private + pem)
        return cls(pem_file, pem.decode("ascii"))


_T0 = datetime(2001, 1, 1, tzinfo=timezone.utc)


def _context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context
