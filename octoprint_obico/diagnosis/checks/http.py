"""Does an Obico Server answer its API?"""

from __future__ import annotations

import ssl

from ...server.address import Address
from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.http import PRINTER_PATH, HttpClient, expect_printer
from ...server.recognise import UNKNOWN
from ...server.responses import judge
from ...server.transport import connect, start_tls
from ...server.trust import build_ssl_context
from ..catalogue import N_
from ..result import Finding, Outcome
from .connect import CONTROL_S, blamed_silence
from .findings import Findings, failed, skipped
from .tls import late_alert


def check_http(known: Findings, deadline: Deadline) -> Finding:
    """Does an Obico Server answer its API? Its own 401 is an answer, too."""
    address = known.known_address
    known.client = client = HttpClient(address, known.user_agent, known.trust)
    try:
        reply = client.request(
            "GET", PRINTER_PATH, token=known.token, timeout_s=_patience(known, deadline)
        )
        known.reply = reply
        judge(reply, address, bool(known.token), expect_printer)
    except ChannelError as error:
        if error.cause in _ANSWERS_OF_THE_SERVER:
            known.refusal = error
        else:
            error = _refined(_speaks_tls(error, known, deadline), client, known, deadline)
            error = late_alert(error, known, deadline)
            if _is_forwarded(known) and error.cause is Cause.RESPONSE_TIMED_OUT:
                error = blamed_silence(error, known, deadline)
            via = known.proxy.facts if known.proxy else {}
            return failed(error, _http_summary(error), **address.facts, **via)
    if known.reply is None:  # the token cannot be sent; the credentials check says so
        return skipped(N_("no request was sent"))
    facts = {"status": known.reply.status, "ms": round(known.reply.seconds * 1000)}
    summary = N_("the API answers after {ms} ms (status {status})")
    return Finding(Outcome.PASSED, summary, facts, None, {**known.reply.facts, **facts})


def _patience(known: Findings, deadline: Deadline) -> float:
    """How long to wait for the answer; a silent proxy is asked once more after that."""
    return max(deadline.remaining() - (CONTROL_S if _is_forwarded(known) else 0.0), 0.01)


def _is_forwarded(known: Findings) -> bool:
    return known.proxy is not None and known.proxy.forwards(known.known_address)


_ANSWERS_OF_THE_SERVER = frozenset(
    {Cause.NOT_LINKED, Cause.CREDENTIALS_INVALID, Cause.AUTHORIZATION_STRIPPED}
)
_HEALTH_PATH = "/hc/"
_HEALTHY = b"okay"
_LOOK_S = 3.0
"""Longest wait for a look at another page."""


def _http_summary(error: ChannelError) -> str:
    return N_("status {status}") if "status" in error.facts else N_("no answer to the request")


def _speaks_tls(error: ChannelError, known: Findings, deadline: Deadline) -> ChannelError:
    """Say https_required where a port that cut plain HTTP off takes up a TLS handshake."""
    address = known.known_address
    if address.is_tls or known.proxy or error.cause is not Cause.CONNECTION_RESET:
        return error
    limit = deadline.within(_LOOK_S)
    try:
        sock, _ = connect(known.targets, address.host, address.port, limit)
        start_tls(sock, address.host, build_ssl_context(known.trust), limit).close()
    except ChannelError as answer:
        refused = isinstance(answer.__cause__, ssl.SSLCertVerificationError)  # it was TLS, then
        if not refused:
            return error
    return ChannelError(Cause.HTTPS_REQUIRED, error.stage, error.message, error.facts)


def _refined(
    error: ChannelError, client: HttpClient, known: Findings, deadline: Deadline
) -> ChannelError:
    """Look closer where the API's path is not known: wrong path, old server, or no Obico at all."""
    address = known.known_address
    if error.cause is not Cause.NOT_AN_OBICO_SERVER:
        return error
    unknown_path = error.facts.get("status") in (404, 405)
    if unknown_path and _is_obico(client, deadline):
        return ChannelError(Cause.SERVER_TOO_OLD, error.stage, error.message, error.facts)
    root = Address(address.scheme, address.host, address.port)
    at_root = HttpClient(root, known.user_agent, known.trust)
    try:
        if unknown_path and address.path and _is_obico(at_root, deadline):
            facts = {**error.facts, "suggestion": root.url}
            return ChannelError(Cause.ADDRESS_PATH_WRONG, error.stage, error.message, facts)
        return _recognised(error, at_root, deadline)
    finally:
        at_root.close()


def _recognised(error: ChannelError, at_root: HttpClient, deadline: Deadline) -> ChannelError:
    """Say by its front page what answers, where its answer to the API does not tell."""
    try:
        front = at_root.request("GET", "/", timeout_s=min(_LOOK_S, deadline.remaining()))
    except ChannelError:
        return error
    seen = {name: front.facts[name] for name in ("title", "server") if front.facts[name]}
    what = front.looks_like
    facts = {**error.facts, **seen, **({"looks_like": what} if what != UNKNOWN else {})}
    return ChannelError(error.cause, error.stage, error.message, facts)


def _is_obico(client: HttpClient, deadline: Deadline) -> bool:
    """Whether the health path of an Obico Server answers as it does (FIELD_NOTES section 0)."""
    try:
        reply = client.request("GET", _HEALTH_PATH, timeout_s=min(_LOOK_S, deadline.remaining()))
    except ChannelError:
        return False
    return reply.status == 200 and reply.body.strip().lower()[:20] == _HEALTHY
