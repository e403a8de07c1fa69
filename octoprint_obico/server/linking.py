"""Linking: a 6-digit code from the Obico app is exchanged for a token (PROTOCOL 2.1)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from .address import Address, parse_address
from .background import BackgroundJob
from .causes import Cause
from .deadline import Deadline
from .errors import AddressError, ChannelError, ObicoError
from .faults import Faults
from .http import HttpClient
from .responses import judge
from .token import is_usable
from .trust import NO_EXTRA, Trust
from .words import Word

if TYPE_CHECKING:
    from .certificate import Certificate

log = logging.getLogger("octoprint.plugins.obico.link")

VERIFY_PATH = "/api/v1/octo/verify/"
TIMEOUT_S = 12.0
_CERTIFICATE_LIMIT_S = 4.0

TrustFor = Callable[[Address], Trust]
"""What is trusted at an address."""


class LinkProblem(Word):
    """What is special to linking; all else is a Cause."""

    CODE_MALFORMED = "code_malformed"
    CODE_REJECTED = "code_rejected"


class LinkError(ObicoError):
    """Linking failed.

    Attributes:
        problem: a LinkProblem or a Cause.
        facts: fill in the text.
        certificate: the one that was refused, where an administrator could accept it.
        address: the server's, where it is one.
    """

    def __init__(
        self,
        problem: LinkProblem | Cause,
        facts: dict[str, Any] | None = None,
        certificate: Certificate | None = None,
        address: Address | None = None,
    ) -> None:
        super().__init__(problem.value)
        self.problem, self.facts = problem, facts or {}
        self.certificate, self.address = certificate, address


class LinkedPrinter(NamedTuple):
    """The printer that a code stood for."""

    address: Address
    id: int
    name: str
    token: str

    def __repr__(self) -> str:  # without the token
        return f"LinkedPrinter({self.id}, {self.name!r})"


def normalise_code(code: object) -> str:
    """Return the six digits of what was typed or pasted. Raises LinkError `code_malformed`."""
    digits = re.sub(r"[\s-]", "", str(code))
    if not re.fullmatch(r"[0-9]{6}", digits):
        raise LinkError(LinkProblem.CODE_MALFORMED)
    return digits


def _no_extra(address: Address) -> Trust:
    return NO_EXTRA


def link(
    address_text: str, code: object, user_agent: str, trust_for: TrustFor = _no_extra
) -> LinkedPrinter:
    """Exchange a code for a token at the given server.

    Raises:
        LinkError: a wrong or expired code, a server that cannot be reached and a server that is no
            Obico Server are told apart by its `problem`.
    """
    digits = normalise_code(code)
    try:
        address = parse_address(address_text)
    except AddressError as error:
        raise LinkError(error.cause, error.facts) from error
    trust = trust_for(address)
    client = HttpClient(address, user_agent, trust)
    try:
        reply = client.request("POST", VERIFY_PATH, params={"code": digits}, timeout_s=TIMEOUT_S)
        value = reply.json()
        if _refuses_the_code(reply.status, value):
            raise LinkError(LinkProblem.CODE_REJECTED, address.facts)
        judge(reply, address, False, _has_token)
    except ChannelError as error:
        raise _link_failure(error, address, trust) from error
    finally:
        client.close()
    printer = value["printer"]
    name = str(printer.get("name") or "")[:200]
    number = printer.get("id")
    number = number if isinstance(number, int) else 0
    return LinkedPrinter(address, number, name, printer["auth_token"])


def _link_failure(error: ChannelError, address: Address, trust: Trust) -> LinkError:
    """The error to show; with the certificate where that is what was refused."""
    from .certificate import ACCEPTABLE, shown_certificate

    certificate = None
    if error.cause in ACCEPTABLE:
        with suppress(ChannelError):  # it cannot be shown, then: the cause stands
            limit = Deadline(_CERTIFICATE_LIMIT_S)
            certificate = shown_certificate(address, limit, trust=trust).certificate
    about = certificate.facts if certificate is not None else {}
    return LinkError(error.cause, {**about, **error.facts, **address.facts}, certificate, address)


def _refuses_the_code(status: int, value: Any) -> bool:
    """Whether it is the Obico Server's own refusal (PROTOCOL 2.1); other servers have JSON, too."""
    if not isinstance(value, dict):
        return False
    if status == 404:
        return "resource does not exist" in str(value.get("detail"))
    return status == 400 and isinstance(value.get("code"), list)


def _has_token(value: Any) -> bool:
    printer = value.get("printer") if isinstance(value, dict) else None
    token = printer.get("auth_token") if isinstance(printer, dict) else None
    return is_usable(token)


class LinkOutcome(NamedTuple):
    """How linking ended: a printer, or a problem."""

    printer: LinkedPrinter | None = None
    error: LinkError | None = None


class LinkJob:
    """Links in the background: one attempt at a time, no request of a browser waits for it.

    Args:
        on_linked: takes the linked printer; called from the job's thread.
        announce: called at the end.
        faults: takes what should not happen; the outcome is an unknown error then.
        trust_for: what is trusted at the address that is linked to.
    """

    def __init__(
        self,
        user_agent: str,
        on_linked: Callable[[LinkedPrinter], None],
        announce: Callable[[], None],
        faults: Faults,
        trust_for: TrustFor = _no_extra,
    ) -> None:
        self._user_agent, self._trust_for = user_agent, trust_for
        self._on_linked = on_linked
        self._job: BackgroundJob[None, LinkOutcome] = BackgroundJob(
            "obico-link", "linking", faults, announce
        )

    def start(self, address: str, code: object) -> str | None:
        """Start linking; return the run's id, or None while another attempt is under way."""
        started = self._job.start(lambda: self._work(address, code))
        return started.run if started.is_new else None

    def _work(self, address: str, code: object) -> LinkOutcome:
        try:
            printer = link(address, code, self._user_agent, self._trust_for)
        except LinkError as error:
            log.info("Linking failed: %s", error)
            return LinkOutcome(error=error)
        self._on_linked(printer)
        log.info("Linked to printer %d at %s", printer.id, printer.address)
        return LinkOutcome(printer)

    def state(self) -> tuple[str | None, str, LinkOutcome | None]:
        """The run's id, "none", "running" or "finished", and the outcome of a finished run."""
        run_id, state, _, outcome = self._job.state()
        if outcome is None and state == "finished":  # a fault has ended it
            outcome = LinkOutcome(error=LinkError(Cause.UNKNOWN_ERROR))
        return run_id, state, outcome
