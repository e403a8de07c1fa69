"""What the server's answers mean: the whole table, and that nothing else ever comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.server.address import Address, parse_address
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.http import PRINTER_PATH, expect_ok, expect_printer
from octoprint_obico.server.responses import Reply, judge, retry_after

ADDRESS = parse_address("http://server.example:3334")
NAME = Address("http", "server.example", 3334, "/obico")
TOKEN_WANTED = {"www-authenticate": "Token"}
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}
LOGIN = b'<!DOCTYPE html><title>Guests</title><form><input type="password"></form>'
PAGE = b"<!DOCTYPE html><html><title> My  router </title></html>"
PRINTER = b'{"user": {"is_pro": true}, "printer": {"id": 1, "name": "P"}}'


def reply_of(
    status: int,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    address: Address = ADDRESS,
    complete: bool = True,
) -> Reply:
    return Reply(address.join(PRINTER_PATH), status, headers or {}, body, complete)


def cause_of(reply: Reply, *, token_sent: bool = True, address: Address = ADDRESS) -> str | None:
    """The cause, or None for a success."""
    try:
        judge(reply, address, token_sent, expect_printer)
    except ChannelError as error:
        assert error.stage is Stage.RESPONSE
        assert error.facts["status"] == reply.status
        return error.cause.value
    return None


def body_of(**fields: str) -> bytes:
    return json.dumps(fields).encode()


INVALID = body_of(error="Invalid or Inactive Token", is_authenticated="False")
NOT_PROVIDED = body_of(detail="Authentication credentials were not provided.")
THROTTLED = body_of(detail="Request was throttled. Expected available in 17 seconds.")

TABLE: list[tuple[str, Reply, str | None]] = [
    ("printer", reply_of(200, PRINTER, JSON), None),
    ("printer without a type", reply_of(200, PRINTER), None),
    ("created", reply_of(201, PRINTER, JSON), None),
    ("invalid token", reply_of(401, INVALID, {**JSON, **TOKEN_WANTED}), "credentials_invalid"),
    (
        "no credentials",
        reply_of(401, NOT_PROVIDED, {**JSON, **TOKEN_WANTED}),
        "authorization_stripped",
    ),
    (
        "token with a space",
        reply_of(401, body_of(detail="Invalid token header. Token string ..."), TOKEN_WANTED),
        "credentials_invalid",
    ),
    ("Basic", reply_of(401, INVALID, {"www-authenticate": 'Basic realm="x"'}), "access_denied"),
    ("Digest", reply_of(401, b"{}", {"www-authenticate": "Digest a=b"}), "access_denied"),
    ("401 page", reply_of(401, PAGE, HTML), "access_denied"),
    ("401 of another API", reply_of(401, body_of(message="no"), JSON), "access_denied"),
    ("401 list", reply_of(401, b"[]", JSON), "access_denied"),
    ("403", reply_of(403, PAGE, HTML), "access_denied"),
    ("451", reply_of(451), "access_denied"),
    ("404", reply_of(404, PAGE, HTML), "not_an_obico_server"),
    ("405", reply_of(405, body_of(detail="Method not allowed"), JSON), "not_an_obico_server"),
    ("407", reply_of(407), "proxy_authentication_required"),
    ("429", reply_of(429, THROTTLED, {**JSON, "retry-after": "17"}), "throttled"),
    ("429 of a picture", reply_of(429), "throttled"),
    ("500", reply_of(500, b"<h1>Server Error (500)</h1>", HTML), "server_error"),
    ("501", reply_of(501), "server_error"),
    ("520", reply_of(520), "server_error"),
    ("502", reply_of(502, PAGE, HTML), "server_unavailable"),
    ("503", reply_of(503), "server_unavailable"),
    ("504", reply_of(504), "server_unavailable"),
    ("511", reply_of(511, LOGIN, HTML), "captive_portal"),
    ("login page", reply_of(200, LOGIN, HTML), "captive_portal"),
    ("login page, no type", reply_of(200, LOGIN), "captive_portal"),
    ("page", reply_of(200, PAGE, HTML), "not_an_obico_server"),
    ("JSON of another kind", reply_of(200, b'{"a": 1}', JSON), "not_an_obico_server"),
    ("text", reply_of(200, b"hello", {"content-type": "text/plain"}), "not_an_obico_server"),
    ("empty", reply_of(204), "not_an_obico_server"),
    ("truncated", reply_of(200, PRINTER[:20], JSON, complete=False), "invalid_response"),
    ("truncated by a proxy", reply_of(200, PRINTER[:20], JSON), "invalid_response"),
    ("no JSON", reply_of(200, b"oops", JSON), "invalid_response"),
    ("undecodable", reply_of(200, b"\xff\xfe\xfd", JSON), "invalid_response"),
    (
        "oversized",
        reply_of(200, b'{"a": "' + b"x" * 65529, JSON, complete=False),
        "invalid_response",
    ),
    ("too deep", reply_of(200, b"[" * 60_000, JSON), "invalid_response"),
    ("a huge number", reply_of(200, b"9" * 60_000, JSON), "invalid_response"),
    (
        "nginx",
        reply_of(400, b"<title>400 The plain HTTP request was sent to HTTPS port</title>", HTML),
        "https_required",
    ),
    ("go", reply_of(400, b"Client sent an HTTP request to an HTTPS server."), "https_required"),
    (
        "apache",
        reply_of(400, b"<p>You're speaking plain HTTP to an SSL-enabled server port.</p>", HTML),
        "https_required",
    ),
    ("400", reply_of(400, b"bad"), "unknown_error"),
    ("418", reply_of(418), "unknown_error"),
    ("304", reply_of(304), "unknown_error"),
    ("0", reply_of(0), "unknown_error"),
    ("99", reply_of(99), "unknown_error"),
    ("999", reply_of(999), "unknown_error"),
]


@pytest.mark.parametrize(
    ("reply", "cause"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_table(reply: Reply, cause: str | None) -> None:
    assert cause_of(reply) == cause


def test_without_a_token_no_credentials_means_not_linked() -> None:
    reply = reply_of(401, NOT_PROVIDED, {**JSON, **TOKEN_WANTED})
    assert cause_of(reply, token_sent=False) == "not_linked"


def test_a_success_of_a_picture() -> None:
    judge(reply_of(200, b'{"result": "ok"}', JSON), ADDRESS, True, expect_ok)
    with pytest.raises(ChannelError):
        judge(reply_of(200, b'{"result": "no"}', JSON), ADDRESS, True, expect_ok)


REDIRECTS: list[tuple[str, str, str | None]] = [
    ("https://server.example/api/v1/octo/printer/", "address_redirected", "https://server.example"),
    (
        "http://server.example:8080/api/v1/octo/printer/",
        "address_redirected",
        "http://server.example:8080",
    ),
    (
        "http://server.example:3334/sub/api/v1/octo/printer/",
        "address_redirected",
        "http://server.example:3334/sub",
    ),
    ("/sub/api/v1/octo/printer/", "address_redirected", "http://server.example:3334/sub"),
    ("https://SERVER.example/api/v1/octo/printer", "address_redirected", "https://SERVER.example"),
    ("https://server.example/", "address_redirected", "https://server.example"),
    ("http://portal.example/login", "captive_portal", None),
    ("//portal.example/api/v1/octo/printer/", "captive_portal", None),
    ("https://www.server.example/api/v1/octo/printer/", "captive_portal", None),
    ("/login?next=/api/v1/octo/printer/", "not_an_obico_server", None),
    ("ftp://server.example/api/v1/octo/printer/", "not_an_obico_server", None),
    ("http://[bad/", "not_an_obico_server", None),
]


@pytest.mark.parametrize(("location", "cause", "suggestion"), REDIRECTS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects(status: int, location: str, cause: str, suggestion: str | None) -> None:
    reply = reply_of(status, b"", {"location": location})
    with pytest.raises(ChannelError) as caught:
        judge(reply, ADDRESS, True, expect_printer)
    assert caught.value.cause.value == cause
    if suggestion is not None:
        assert caught.value.facts["suggestion"].rstrip("/") == suggestion


@pytest.mark.parametrize(
    "headers", [{}, {"location": ""}, {"location": ADDRESS.join(PRINTER_PATH)}]
)
def test_a_redirect_to_where_we_are_is_no_advice(headers: dict[str, str]) -> None:
    """Telling a person to enter the address that is entered already helps nobody."""
    with pytest.raises(ChannelError) as caught:
        judge(reply_of(302, b"", headers), ADDRESS, True, expect_printer)
    assert caught.value.facts.get("suggestion") != ADDRESS.url


def test_a_redirect_under_a_path() -> None:
    reply = reply_of(
        301, b"", {"location": "https://server.example/obico/api/v1/octo/printer/"}, address=NAME
    )
    with pytest.raises(ChannelError) as caught:
        judge(reply, NAME, True, expect_printer)
    assert caught.value.facts["suggestion"] == "https://server.example/obico"


def test_what_was_seen_is_evidence() -> None:
    with pytest.raises(ChannelError) as caught:
        judge(
            reply_of(404, PAGE + b"x" * 999, {**HTML, "server": "nginx"}), ADDRESS, True, expect_ok
        )
    facts = caught.value.facts
    assert facts["title"] == "My router"
    assert facts["server"] == "nginx"
    assert len(facts["body"]) == 200
    assert (facts["host"], facts["port"]) == ("server.example", 3334)


def test_a_token_that_comes_back_is_in_no_fact() -> None:
    token = "0123456789abcdef0123"
    page = f"<title>{token}</title>{token}".encode()
    headers = {"server": token, "content-type": token, "location": f"/{token}"}
    for status in (200, 302, 404, 403):
        reply = Reply(ADDRESS.join(PRINTER_PATH), status, headers, page, secrets=(token,))
        with pytest.raises(ChannelError) as caught:
            judge(reply, ADDRESS, True, expect_printer)
        assert token not in f"{caught.value} {caught.value.facts}"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 5 ", 5.0),
        ("0", 0.0),
        ("999999999", 86400.0),
        ("9" * 5000, 86400.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u00b2", None),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("Wed, 21 Oct 99999999999 07:27:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    headers = {"retry-after": value, "date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Wed, 21 Oct 99999999999 07:28:00 GMT", "\u00b2"]
)
def test_an_odd_date_is_no_date(date: str) -> None:
    assert reply_of(200, b"", {"date": date}).date is None


HEADER = st.text(st.characters(max_codepoint=255), max_size=60)
LOCATIONS = st.one_of(
    HEADER, st.sampled_from(["http://[", "//", "http://:x", "https://[::1]:a/", "?", "\\\\x"])
)
DATES = st.one_of(
    HEADER, st.sampled_from(["Wed, 21 Oct 0001 00:00:00 -0000", "\u00b2", "9" * 5000])
)
BODIES = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["printer", "error", "detail", "x"]), inner, max_size=3
            )
        ),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
)


@given(
    st.one_of(st.integers(0, 999), st.sampled_from([200, 301, 400, 401, 429])),
    st.fixed_dictionaries(
        {},
        optional={
            "location": LOCATIONS,
            "retry-after": DATES,
            "date": DATES,
            "content-type": HEADER,
            "www-authenticate": HEADER,
            "server": HEADER,
        },
    ),
    BODIES,
    st.booleans(),
    st.booleans(),
)
def test_whatever_comes_is_a_success_or_a_channel_error(
    status: int, headers: dict[str, str], body: bytes, complete: bool, token_sent: bool
) -> None:
    reply = reply_of(status, body, headers, complete=complete)
    value: Any = None
    try:
        judge(reply, ADDRESS, token_sent, expect_printer)
        value = reply.json()
    except ChannelError as error:
        json.dumps(error.facts)
        return
    assert expect_printer(value)
