"""The server address: what is taken, what is mended, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from octoprint_obico.server.address import Address, parse_address
from octoprint_obico.server.errors import AddressError

GOOD = {
    "https://app.obico.io": "https://app.obico.io",
    "http://192.168.1.5:3334": "http://192.168.1.5:3334",
    "http://[::1]:3334": "http://[::1]:3334",
    "http://[fe80::1]": "http://[fe80::1]",
    "http://localhost:3334": "http://localhost:3334",
    "https://example.com/obico": "https://example.com/obico",
    "https://under_score.example": "https://under_score.example",
}
MENDED = {
    "  https://app.obico.io  ": "https://app.obico.io",
    "https://app.obico.io/": "https://app.obico.io",
    "https://app.obico.io///": "https://app.obico.io",
    '"https://app.obico.io"': "https://app.obico.io",
    "<https://app.obico.io>": "https://app.obico.io",
    "HTTPS://APP.Obico.IO": "https://app.obico.io",
    "https:app.obico.io": "https://app.obico.io",
    "https:/app.obico.io": "https://app.obico.io",
    "https//app.obico.io": "https://app.obico.io",
    "https:///app.obico.io": "https://app.obico.io",
    "app.obico.io": "https://app.obico.io",
    "192.168.1.5:3334": "http://192.168.1.5:3334",
    "obico.local": "http://obico.local",
    "server": "http://server",
    "server:3334": "http://server:3334",
    "obico.example:3334": "http://obico.example:3334",
    "localhost:5000": "http://localhost:5000",
    "https://app.obico.io:443": "https://app.obico.io",
    "http://server:80/": "http://server",
    "https://app.obico.io/?next=/a#b": "https://app.obico.io",
    "https://app.obico.io.": "https://app.obico.io",
    "https://b\u00fccher.example": "https://xn--bcher-kva.example",
    "http://server\u3002example": "http://server.example",
    "http://server:0080": "http://server",
}
REFUSED = {
    "": "address_missing",
    "   ": "address_missing",
    '""': "address_missing",
    "http://": "address_malformed",
    "https:///": "address_malformed",
    "ftp://server": "address_malformed",
    "ws://server": "address_malformed",
    "file:///etc/passwd": "address_malformed",
    "http://http://server": "address_malformed",
    "https://https:/server": "address_malformed",
    "http://server:": "address_malformed",
    "http://server:0": "address_malformed",
    "http://server:65536": "address_malformed",
    "http://server:-1": "address_malformed",
    "http://server:abc": "address_malformed",
    "http://server:80:81": "address_malformed",
    "http://ser ver": "address_malformed",
    "http://-server": "address_malformed",
    "http://server-": "address_malformed",
    "http://a..b": "address_malformed",
    "http://192.168.1": "address_malformed",
    "http://192.168.1.256": "address_malformed",
    "http://[::1": "address_malformed",
    "http://[1.2.3.4]": "address_malformed",
    "http://::1": "address_malformed",
    "http://user:pw@server": "address_malformed",
    "user@server": "address_malformed",
    "http://" + "a" * 64 + ".example": "address_malformed",
    "http://" + ".".join(["abcdefgh"] * 30): "address_malformed",
    "http://server/a b": "address_malformed",
    "http://server/a//b": "address_malformed",
    "http://server/<b>": "address_malformed",
    "http://ser\u0000ver": "address_malformed",
    "http://\uff11.2": "address_malformed",
    "https://app.thespaghettidetective.com": "address_retired",
    "app.thespaghettidetective.com": "address_retired",
    "http://APP.TheSpaghettiDetective.com:80/x": "address_retired",
    "http://app.thespaghettidetective.com.": "address_retired",
}


@pytest.mark.parametrize("text", [*GOOD, *MENDED])
def test_taken_and_mended(text: str) -> None:
    assert parse_address(text).url == {**GOOD, **MENDED}[text]


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert caught.value.cause.value == REFUSED[text]
    if caught.value.cause.value == "address_malformed":
        assert caught.value.facts["problem"]
        assert "address" in caught.value.facts


def test_none_is_missing() -> None:
    with pytest.raises(AddressError, match="address_missing"):
        parse_address(None)


@pytest.mark.parametrize(
    "password", ["pw1234", "p/w?1#2", "p@w@1234", "p'w1234", 'p"w1234', "p w12"]
)
@pytest.mark.parametrize("form", ["http://me:{}@server", "me:{}@server:3334", "http:/me:{}@server"])
def test_a_refusal_does_not_show_the_password(form: str, password: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(form.format(password))
    assert password not in f"{caught.value} {caught.value.facts}"


def test_the_forms_of_an_address() -> None:
    address = Address("https", "::1", 8443, "/obico")
    assert address.url == "https://[::1]:8443/obico"
    assert address.join("/api/") == "https://[::1]:8443/obico/api/"
    assert address.websocket_url("/ws/dev/") == "wss://[::1]:8443/obico/ws/dev/"
    assert parse_address("http://server").websocket_url("/ws/dev/") == "ws://server/ws/dev/"
    assert address.facts == {"address": address.url, "host": "::1", "port": 8443}


PIECES = st.sampled_from(
    [
        "http",
        "https",
        "://",
        ":",
        "/",
        "//",
        "[",
        "]",
        "::1",
        "@",
        "%",
        "%25eth0",
        "?",
        "#",
        ".",
        "..",
    ]
    + [" ", "\t", "\n", "\x00", "'", '"', "<", ">", "\\", "-", "_", "0", "80", "65536", "1.2.3.4"]
    + [
        "host",
        "\u00e4",
        "\u3002",
        "\uff11",
        "\u2100",
        "\ud800",
        "xn--",
        "a" * 64,
        "http:",
        ";",
        "&",
    ]
)
ANYTHING = st.one_of(st.text(), st.lists(PIECES, max_size=9).map("".join))


@given(ANYTHING)
@example("http://server/a'/")
@example("http://http.:81")
@example("1.2.3.4%\ud800")
@example("fe80::1%\ud800")
def test_whatever_is_typed_is_an_address_or_an_address_error(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError as error:
        assert error.cause.value.startswith("address_")
        return
    assert address.scheme in ("http", "https")
    assert 1 <= address.port <= 65535
    assert address.host
    assert not set(address.url) & set(' \t\r\n\\"<>@')
    address.url.encode("utf-8")
    assert parse_address(address.url) == address, "what is stored must mean the same again"
