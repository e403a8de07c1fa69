"""What the libraries' exceptions mean: the tables, and chains of any shape."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from octoprint_obico.server import errors as e
from octoprint_obico.server.causes import Cause


def test_a_chain_has_each_exception_once_even_in_a_circle() -> None:
    first, second, third = ValueError("1"), KeyError("2"), OSError("3")
    first.__cause__, second.__context__ = second, first
    first.args = ("x", third)
    assert set(e.chain(first)) == {first, second, third}
    assert len(list(e.chain(first))) == 3


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ECONNREFUSED, Cause.CONNECTION_REFUSED),
        (errno.ETIMEDOUT, Cause.CONNECTION_TIMED_OUT),
        (errno.EHOSTUNREACH, Cause.HOST_UNREACHABLE),
        (errno.ENETUNREACH, Cause.NETWORK_DOWN),
        (errno.ECONNRESET, Cause.CONNECTION_RESET),
        (errno.EPIPE, Cause.CONNECTION_RESET),
        (errno.EBADF, None),
    ],
)
def test_numbers_of_the_socket_layer(number: int, cause: Cause | None) -> None:
    assert e.cause_of_os_error(OSError(number, "x")) is cause


def test_a_time_out_and_an_error_without_a_number() -> None:
    assert e.cause_of_os_error(socket.timeout("timed out")) is Cause.CONNECTION_TIMED_OUT
    assert e.cause_of_os_error(OSError("x")) is None


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (9, Cause.TLS_CERTIFICATE_NOT_YET_VALID),
        (10, Cause.TLS_CERTIFICATE_EXPIRED),
        (18, Cause.TLS_SELF_SIGNED),
        (20, Cause.TLS_UNTRUSTED_ISSUER),
        (62, Cause.TLS_HOSTNAME_MISMATCH),
        (64, Cause.TLS_HOSTNAME_MISMATCH),
    ],
)
def test_codes_of_the_verification(code: int, cause: Cause) -> None:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code = code
    assert e.cause_of_tls_error(error) is cause


def refusal(reason: str) -> ssl.SSLError:
    """An error as OpenSSL's is."""
    error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionResetError(104, "x"), Cause.TLS_HANDSHAKE_FAILED),
        (socket.timeout("x"), Cause.TLS_HANDSHAKE_FAILED),
        (refusal("UNEXPECTED_EOF_WHILE_READING"), Cause.TLS_HANDSHAKE_FAILED),
        (refusal("WRONG_VERSION_NUMBER"), Cause.TLS_NOT_SPOKEN),
        (refusal("TLSV1_ALERT_PROTOCOL_VERSION"), Cause.TLS_VERSION_UNSUPPORTED),
        (refusal("SSLV3_ALERT_HANDSHAKE_FAILURE"), Cause.TLS_VERSION_UNSUPPORTED),
        (
            refusal("TLSV13_ALERT_CERTIFICATE_REQUIRED"),
            Cause.TLS_CLIENT_CERTIFICATE_REQUIRED,
        ),
    ],
)
def test_the_reasons_of_tls(error: BaseException, cause: Cause) -> None:
    assert e.cause_of_tls_error(error) is cause


@pytest.mark.parametrize("number", [-99, 0, None])
def test_an_unknown_answer_of_the_resolver(number: int | None) -> None:
    error = socket.gaierror(number, "x") if number is not None else socket.gaierror("x")
    assert e.cause_of_resolver_error(error) is Cause.DNS_SERVER_FAILURE


def test_a_channel_error_tells_its_story_without_secrets() -> None:
    error = e.ChannelError(
        Cause.SERVER_ERROR, e.Stage.RESPONSE, "from http://me:pw1234@h/", {"status": 500}
    )
    assert str(error) == "server_error at response: from http://REDACTED@h/"
    facts = error.with_facts(status=1, host="h").facts
    assert (facts["status"], facts["host"]) == (500, "h"), "what is there already wins"
    assert "pw1234" not in str(facts)
    attempt = e.Attempt.failure("http", error)
    assert (attempt.ok, attempt.cause, attempt.stage) == (False, error.cause, error.stage)
    assert e.Attempt.success("http").cause is None


def test_what_a_proxy_says() -> None:
    assert e.proxy_refusal(407, {}).cause is Cause.PROXY_AUTHENTICATION_REQUIRED
    refused = e.proxy_refusal(502, {"proxy": "p"})
    assert refused.cause is Cause.PROXY_REFUSED
    assert (refused.facts["proxy"], refused.facts["status"]) == ("p", 502)
