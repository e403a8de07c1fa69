"""The last look over a bundle: what tells who and where somebody is goes, what helps stays."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.diagnosis.catalogue import CATALOGUE
from octoprint_obico.server.scrub import Scrubber, passwords_in

TOKEN = "0123456789abcdef0123"
PASSWORD = "hunter2andahalf"

PUBLIC_V4 = ("8.8.8.8", "93.184.216.34", "100.63.255.255", "223.255.255.254")
PUBLIC_V6 = (
    "2a00:1450:4001:82a::200e",
    "2606:4700:4700::1111",
    "2001:4860:4860:0:0:0:0:8888",
    "2A02:0810:00BE:EF00:1234:5678:9ABC:DEF0",
    "64:ff9b::808:808",
)
PRIVATE = (
    *("10.1.2.3", "172.31.0.1", "192.168.178.20", "127.0.0.1", "169.254.7.7", "100.64.0.1"),
    *("192.0.2.1", "198.51.100.7", "203.0.113.254", "0.0.0.0", "224.0.0.251", "255.255.255.255"),
    *("fe80::1234:56ff:fe78:9abc", "fd12:3456:789a::1", "::1", "::", "ff02::fb", "2001:db8::1"),
    *("3fff::1", "::ffff:192.168.1.1", "64:ff9b::c0a8:101"),
)
MACS = ("b8:27:eb:12:34:56", "B8-27-EB-12-34-56")
MAILS = ("jane.doe+obico@mail.example.co.uk", "jürgen@bücher.example", "x@y.zz")


def scrubber(**options: Any) -> Scrubber:
    return Scrubber({"token": [TOKEN], "password": [PASSWORD]}, **options)


def scrub(text: str, **options: Any) -> str:
    return scrubber(**options).text(text)


@pytest.mark.parametrize("address", [*PUBLIC_V4, *PUBLIC_V6])
@pytest.mark.parametrize("frame", ["{}", "({})", "from {}.", "[{}]:443", "ip={}, b", "ip:{}\n"])
def test_public_addresses_go(address: str, frame: str) -> None:
    assert scrub(frame.format(address)) == frame.format("[public IP 1]")
    kept = frame.format(address)
    assert scrub(kept, keep_ip=True) == kept


@pytest.mark.parametrize("address", PUBLIC_V6[:4])
def test_an_address_with_its_port_and_no_brackets(address: str) -> None:
    assert address not in scrub(f"to {address}:443")


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("frame", ["{}", "({})", "from {}.", "[{}]:443", "ip={}, b"])
def test_other_addresses_stay(address: str, frame: str) -> None:
    assert scrub(frame.format(address)) == frame.format(address)


def test_the_same_address_has_the_same_number_in_all_texts() -> None:
    look = scrubber()
    assert look.text("8.8.8.8 and 2a00::1") == "[public IP 1] and [public IP 2]"
    assert look.text("2A00:0:0:0:0:0:0:1, 1.1.1.1") == "[public IP 2], [public IP 3]"
    assert look.text("::ffff:8.8.8.8 64:ff9b::808:808") == "::ffff:[public IP 1] [public IP 1]"
    assert look.value({"a": ["8.8.8.8"]}) == {"a": ["[public IP 1]"]}


@pytest.mark.parametrize(
    "text",
    [
        "OctoPrint 1.11.8.0",
        "OctoPrint 1.11.8.0.dev1+g12",
        "plugin version 2.0.0.1",
        '"version": "2.0.0.1"',
        "v2.0.0.1",
        "requests==2.0.0.1",
        "Server: nginx/1.18.0.1",
        "octoprint_obico/3.0.0.1",
        "Chrome/120.0.6099.109",
        "OID 1.3.6.1.5.5.7.3.1",
        "1.2.3",
        "256.1.1.1",
        "between 12:34:56 and 23:59:59.123",
        "2026-01-31T12:00:00.000Z",
        "std::cafe a::b 1::2",
    ],
)
def test_what_only_looks_like_an_address_stays(text: str) -> None:
    assert scrub(text) == text


def test_a_version_that_is_installed_here_stays() -> None:
    look = scrubber(versions={"1.11.8.0"})
    assert look.text("now 1.11.8.0 from 1.11.8.1") == "now 1.11.8.0 from [public IP 1]"


def test_a_path_does_not_make_a_version_of_an_address() -> None:
    assert "8.8.8.8" not in scrub("GET /client/8.8.8.8 udp/8.8.8.8 a8.8.8.8")


@pytest.mark.parametrize("mac", MACS)
@pytest.mark.parametrize("frame", ["{}", "mac:{}", "({})", "ether {} brd"])
def test_hardware_addresses_go(mac: str, frame: str) -> None:
    assert scrub(frame.format(mac)) == frame.format("[hardware address 1]")


@pytest.mark.parametrize("pairs", [5, 7, 16, 20, 32])
def test_fingerprints_stay(pairs: int) -> None:
    fingerprint = ":".join(["AB"] * pairs)
    assert scrub(f"SHA-256 {fingerprint}") == f"SHA-256 {fingerprint}"


@pytest.mark.parametrize("mail", MAILS)
def test_mail_addresses_go(mail: str) -> None:
    assert scrub(f"Printer of <{mail}>, {quote(mail)}") == "Printer of <[e-mail]>, [e-mail]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/jane/oprint/x.py", "/home/[user]/oprint/x.py"),
        ("/Users/jane", "/Users/[user]"),
        (r"C:\Users\Jane Doe\x", r"C:\Users\[user] Doe\x"),
        ("/home", "/home"),
    ],
)
def test_names_of_users_in_paths_go(text: str, shown: str) -> None:
    assert scrub(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Token {'f' * 12}77",
        "Token 9f8e7d6c5b4a",
        "bearer dGhpc2lzYWxvbmd0b2tlbg==",
        "Basic dXNlcjpodW50ZXIy",
        "X-Api-Key: 9f8e7d6c5b4a",
        "X-Auth-Token=9f8e7d6c5b4a",
        "Set-Cookie: session=9f8e7d6c5b4a; HttpOnly",
        "Cookie: a=b; session=9f8e7d6c5b4a",
        "/verify/?code=907531",
        "the code 907531 was",
        "/x?token=9f8e7d6c5b4a&b=c",
        "/x?apikey=9f8e7d6c5b4a",
        "/x?session_id=1&sid=9f8e7d6c5b4a",
        "next=%2Fx%3Ftoken%3D9f8e7d6c5b4a",
        '{"auth_token": "9f8e7d6c5b4a"}',
        r"{\"password\": \"9f8e7d6c5b4a\"}",
        "http://bob:9f8e7d6c5b4a@cam.lan/snap",
        "eyJhbGciOiJIUzI1NiJ9.9f8e7d6c5b4aXYZ.abc",
        "unknown fedcba98765432100123 here",
    ],
)
def test_what_looks_like_a_secret_goes(text: str) -> None:
    shown = scrub(text)
    secrets = ("9f8e7d6c5b4a", "907531", "dGhpc2lz", "dXNlcjpo", "f" * 12, "fedcba98765432100123")
    assert not [secret for secret in secrets if secret in shown], shown
    assert "[" in shown
    assert scrub(shown) == shown, "a second look changes nothing"


def in_all_forms(secret: str) -> list[str]:
    """What a server may answer that shows a secret again."""
    data = secret.encode()
    escaped = json.dumps(secret)[1:-1]
    return [
        secret,
        secret[::-1],
        secret.upper(),
        quote(secret, safe=""),
        quote(quote(secret, safe=""), safe=""),
        escaped,
        escaped[::-1],
        *(base64.b64encode(before + data).decode() for before in (b"", b"u:", b"Token ")),
        base64.b64encode(data + b"; more").decode(),
        base64.urlsafe_b64encode(b"x" + data).decode(),
    ]


@pytest.mark.parametrize("secret", [TOKEN, PASSWORD, "pä55/w+ö?rt>d>>~", 'quo"ted\\s3cret'])
def test_known_secrets_go_in_every_form(secret: str) -> None:
    look = Scrubber({"token": [secret]})
    for form in in_all_forms(secret):
        shown = look.text(f"said {form} there")
        assert form not in shown
        assert secret not in shown
        assert shown.startswith("said ") and shown.endswith(" there")
        assert not look.has_secret(shown)


def test_parts_of_a_broken_token_go() -> None:
    shown = Scrubber({"token": ["br0kenf1rst\té\nbr0kens3cond"]}).text("br0kens3cond br0kenf1rst")
    assert shown == "[token] [token]"


@pytest.mark.parametrize("length", range(8, 20))
def test_the_beginning_of_a_secret_goes(length: int) -> None:
    """A message that was too long may have been cut within it."""
    assert scrub(f"said {TOKEN[:length]}…") == "said [token]…"


def test_a_word_with_which_a_secret_begins_stays() -> None:
    """It would be replaced wherever it stands, and so betray the secret."""
    look = Scrubber({"password": ["octoprint1"]})
    assert look.text("octoprint octoprint1") == "octoprint [password]"
    assert not look.has_secret("octoprint")


def test_has_secret_finds_what_was_not_looked_through() -> None:
    assert scrubber().has_secret(f"a{TOKEN}b")
    assert not scrubber().has_secret("nothing")
    assert not Scrubber({}).has_secret("nothing")


def test_members_of_json() -> None:
    value = {
        "auth_token": "9f8e7d6c5b4a",
        "auth_token_set": True,
        "password": "",
        "code": 1006,
        "webcam:a@b.cc": 1,
        "webcam:d@e.ff": 2,
        "nan": float("nan"),
        "none": None,
        "list": ("x@y.zz", 1.5, {"cookie": "a=b"}),
        5: "five",
    }
    assert scrubber().value(value) == {
        "auth_token": "[key]",
        "auth_token_set": True,
        "password": "",
        "code": 1006,
        "webcam:[e-mail]": 1,
        "webcam:[e-mail] (2)": 2,
        "nan": None,
        "none": None,
        "list": ["[e-mail]", 1.5, {"cookie": "[key]"}],
        "5": "five",
    }


def test_texts_for_people_stay_as_they_are() -> None:
    """No sentence of ours looks like a secret."""
    for entry in CATALOGUE.values():
        for text in (entry.title, entry.explanation, entry.closer, *entry.remedy):
            assert scrub(text) == text


def test_passwords_in_addresses() -> None:
    urls = [
        "http://bob:hunter2andahalf@cam.lan/x?token=9f8e7d6c5b4a&w=640",
        "rtsp://bob:pa%3Ass%40w0rd@cam.lan",
        "http://bob:short@cam.lan",
        "http://bob:octoprint@cam.lan",
        "http://cam.lan/x@y:1",
        "",
    ]
    expected = ["9f8e7d6c5b4a", "hunter2andahalf", "pa%3Ass%40w0rd", "pa:ss@w0rd"]
    assert passwords_in(urls) == expected, "a word would be found in many places, and so betrayed"


@pytest.mark.parametrize(
    "text", ["a-" * 50_000, "//" * 50_000, "a" * 100_000, "1.2." * 25_000, "ab:" * 33_000]
    + ["token" * 20_000, "%40" * 33_000, "\\" * 100_000, "cookie" * 16_000, "a@b." * 25_000],
    ids=lambda text: text[:6],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_no_text_takes_long(text: str) -> None:
    assert scrub(text)


def test_a_long_text_is_looked_through_to_its_end() -> None:
    lines = [f"line {number} of {TOKEN} at 8.8.8.8\r\n" for number in range(5000)]
    shown = scrub("".join(lines) + "last 1.1.1.1")
    expected = [f"line {number} of [token] at [public IP 1]\r\n" for number in range(5000)]
    assert shown == "".join(expected) + "last [public IP 2]"
    assert scrubber().has_secret("".join(lines[:1]).rjust(100_000, "\n"))


# -- what is planted anywhere never comes out

SECRETS = (TOKEN, PASSWORD, *MAILS, *MACS, *PUBLIC_V4, *PUBLIC_V6)
#: Words, figures and signs that stand around secrets in logs and messages.
AROUND = st.text(alphabet=" \n\t,;()[]{}<>\"'`|!?*#$äß€😀ghijklmnopqrstuvwxyzGHIZ", max_size=30)
SEPARATORS = st.sampled_from([" ", "\n", "(", '"', "'", "=", ", ", "<", "[", "\t"])
ENDS = st.sampled_from([" ", "\n", ")", '"', "'", ", ", ">", "]", ";", ". "])


@st.composite
def planted(draw: st.DrawFn, things: tuple[str, ...]) -> tuple[list[str], str]:
    """Some of the things, and a text that has them in it."""
    chosen = draw(st.lists(st.sampled_from(things), min_size=1, max_size=6))
    pieces = [f"{draw(AROUND)}{draw(SEPARATORS)}{thing}{draw(ENDS)}" for thing in chosen]
    return chosen, "".join(pieces) + draw(AROUND)


@given(planted(SECRETS))
def test_a_planted_secret_never_survives(case: tuple[list[str], str]) -> None:
    chosen, text = case
    shown = scrub(text)
    assert not [secret for secret in chosen if secret in shown]


@given(planted(PRIVATE))
def test_a_planted_private_address_survives(case: tuple[list[str], str]) -> None:
    chosen, text = case
    shown = scrub(text)
    assert not [address for address in chosen if address not in shown]


def json_with(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    plain = st.none() | st.booleans() | st.integers() | st.floats() | texts
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
    )


@given(json_with(planted(SECRETS).map(lambda case: case[1]) | st.text()))
def test_json_stays_json_and_loses_the_secrets(value: Any) -> None:
    text = json.dumps(scrubber().value(value), ensure_ascii=False, allow_nan=False)
    json.loads(text)
    assert not [secret for secret in SECRETS if secret in text]


@given(st.text())
def test_a_second_look_changes_nothing(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once


@given(st.from_regex(re.compile(r"\d{1,3}(\.\d{1,3}){3}"), fullmatch=True))
def test_any_four_numbers_are_kept_or_replaced_as_a_whole(text: str) -> None:
    assert scrub(text) in (text, "[public IP 1]")
