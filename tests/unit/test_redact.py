"""Redaction: no secret passes, what helps to find the fault stays."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.server.redact import REDACTED, redact, redact_all

TOKEN = "0123456789abcdef0123"
PASSWORDS = [
    "hunter22",
    "p@ss@word",
    "pa/ss",
    "pa:ss",
    "pa?ss",
    "pa#ss",
    "pa'ss",
    'pa"ss',
    "pa ss",
    "\u00fcml\u00e4ut",
]


@pytest.mark.parametrize("password", PASSWORDS)
def test_user_info_of_an_address(password: str) -> None:
    text = redact(f"http://me:{password}@cam.example/snap")
    assert password not in text
    assert "cam.example/snap" in text


@pytest.mark.parametrize("password", [word for word in PASSWORDS if not set(word) & set("'\" ")])
def test_user_info_of_an_address_within_a_sentence(password: str) -> None:
    text = redact(f"cannot reach 'http://me:{password}@cam.example/snap': refused")
    assert password not in text
    assert "cam.example/snap': refused" in text


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Token {TOKEN}",
        f"{{'Authorization': 'bearer {TOKEN}'}}",
        f"authorization=Basic {TOKEN}",
        f"Token {TOKEN}",
        f"bearer {TOKEN}",
        f"Set-Cookie: session={TOKEN}; HttpOnly",
        f"Cookie: a=b; session={TOKEN}",
        f"/verify/?code={TOKEN}",
        f"/x?token={TOKEN}&b=c",
        f"/x?a=b&auth_token={TOKEN}",
        f"/x?password={TOKEN}",
        f"/x?api_key={TOKEN}",
        f"/x?apikey={TOKEN}",
        f"/x?pwd={TOKEN}",
        f"/x?pass={TOKEN}",
        f'{{"auth_token": "{TOKEN}"}}',
    ],
)
def test_what_looks_like_a_secret(text: str) -> None:
    assert TOKEN not in redact(text)


def test_what_helps_is_kept() -> None:
    kept = "HTTP 502 from https://app.obico.io/api/v1/octo/printer/ (nginx)"
    assert redact(kept) == kept
    assert redact("/x?user=me&b=c") == "/x?user=me&b=c"
    assert redact("http://server/path/@home") != ""
    assert redact("Invalid or Inactive Token") == "Invalid or Inactive Token"


@given(st.text(), st.text(alphabet="0123456789abcdef", min_size=8, max_size=40), st.text())
def test_a_given_secret_never_passes(before: str, secret: str, after: str) -> None:
    assert secret not in redact(before + secret + after, secret)
    value = {"a": [before + secret + after, (secret,)], secret: 1}
    assert secret not in str(redact_all(value["a"], secret))


@given(st.text(max_size=2000))
def test_the_result_is_one_short_line(text: str) -> None:
    result = redact(text)
    assert len(result) <= 300
    assert result.isprintable()
    assert redact(result) == result, "redacting twice changes nothing"


SECRET = 'pa/ss+w"rd>>?~'


@pytest.mark.parametrize("secret", [TOKEN, SECRET])
@pytest.mark.parametrize("before", [b"", b"u:", b"Token ", b"bearer "])
def test_an_echo_in_base64_does_not_pass(secret: str, before: bytes) -> None:
    """A server may say what it was sent as it came: in Basic, or as a part of something longer."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for after in (b"", b"1", b"12"):
            echo = encode(before + secret.encode() + after).decode()
            seen = redact(f"you said [{echo}] to me", secret)
            assert seen.startswith("you said [") and seen.endswith("] to me")
            assert secret not in seen
            # what is left over of it tells no more than a few bits
            rest = seen[len("you said [") : -len("] to me")].replace(REDACTED, "")
            assert len(rest) <= len(echo) - len(secret) * 4 // 3 + 2
            assert str(redact_all({"a": [echo]}, secret)).count(REDACTED) == 1


@pytest.mark.parametrize("secret", [TOKEN, SECRET])
def test_an_echo_in_other_forms_does_not_pass(secret: str) -> None:
    for echo in (quote(secret, safe=""), quote(secret, safe="").lower(), json.dumps(secret)):
        assert redact(f"<{echo}>", secret).strip('<>"') == REDACTED


@pytest.mark.parametrize("text", ["a-" * 40_000, "-" * 80_000, "//" * 40_000, "pass" * 20_000])
@pytest.mark.timeout(10)
def test_no_text_takes_long(text: str) -> None:
    assert redact(text, TOKEN)


def test_short_and_empty_secrets_are_passed_over() -> None:
    assert redact("abc", "", None, "a") == "abc"


def test_redact_all_keeps_what_is_no_text() -> None:
    value = {"a": 1, "b": None, "c": [True, 1.5, "http://u:p@h"], 4: ("x",)}
    expected = {"a": 1, "b": None, "c": [True, 1.5, f"http://{REDACTED}@h"], "4": ["x"]}
    assert redact_all(value) == expected
