"""Discovery without a server: what is compared, which messages count, and which addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from octoprint_obico.server import discovery as d
from octoprint_obico.server import own_address as a

OWN = d.Identity("0123456789abcdef" * 2, "fedcba9876543210" * 4)


def message(**changes: Any) -> dict[str, Any]:
    data = {"code": "123456", "secret": OWN.secret}
    data.update({name: changes.pop(name) for name in ("code", "secret") if name in changes})
    return {"device_id": OWN.device_id, "type": "verify_code", "data": data, **changes}


def test_an_identity_is_new_each_time_and_has_the_protocols_form() -> None:
    first, second = d.Identity.new(), d.Identity.new()
    assert first.device_id != second.device_id
    assert first.secret != second.secret
    for identity in (first, second):
        assert (len(identity.device_id), len(identity.secret)) == (32, 64)
        int(identity.device_id, 16), int(identity.secret, 16)
        assert identity.secret not in repr(identity)


def test_a_message_for_us() -> None:
    assert d.code_of(message(), OWN) == "123456"


HALF_PAIR = json.loads('"\\ud800"')
ODD_VALUES: tuple[Any, ...] = (
    *(None, "", 0, 7, True, 1.5, [], {}, [OWN.secret], {"a": OWN.secret}),
    *(OWN.secret.upper(), OWN.secret[:-1], OWN.secret + "0", " " + OWN.secret, HALF_PAIR),
    *("\N{FULLWIDTH DIGIT ONE}" * 64, "x" * 60_000),
)


@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("field", ["secret", "device_id", "type"])
def test_a_message_with_another_value(field: str, value: Any) -> None:
    assert d.code_of(message(**{field: value}), OWN) is None


@pytest.mark.parametrize("code", [None, "", 123456, ["123456"], {}, "1" * 65])
def test_a_message_without_a_usable_code(code: Any) -> None:
    assert d.code_of(message(code=code), OWN) is None


@pytest.mark.parametrize(
    "data", [None, "", 7, [], [{"secret": OWN.secret, "code": "1"}], OWN.secret]
)
def test_a_message_with_odd_data(data: Any) -> None:
    assert d.code_of(message(data=data), OWN) is None


@pytest.mark.parametrize("odd", [None, "verify_code", 7, [], [message()], {}])
def test_a_message_that_is_none(odd: Any) -> None:
    assert d.code_of(odd, OWN) is None


def test_the_secret_does_not_stand_for_the_device_id() -> None:
    assert d.code_of(message(device_id=OWN.secret), OWN) is None
    assert d.code_of(message(secret=OWN.device_id), OWN) is None


# ---- addresses -----------------------------------------------------------------------------------

NEAR = (
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.7"),
    *("127.0.0.1", "127.9.9.9", "::1", "169.254.1.2", "fe80::1", "fe80::1%wlan0"),
    *("fd12:3456::7", "fc00::1", "::ffff:192.168.1.5", "::FFFF:127.0.0.1", " 192.168.1.5 "),
)
FAR = (
    *("8.8.8.8", "172.15.255.255", "172.32.0.1", "192.169.0.1", "11.0.0.1", "100.64.0.1"),
    *("0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1"),
    *("2001:db8::1", "fec0::1", "fe00::1", "ff02::1", "::ffff:8.8.8.8", "64:ff9b::c0a8:105"),
    *(None, "", "localhost", "192.168.1", "192.168.1.5:80", "3232235781", "0xC0A80105", "[::1]"),
    *("192.168.1.5, 8.8.8.8", "010.0.0.1", "x" * 10_000),
)


@pytest.mark.parametrize("caller", NEAR)
def test_who_is_near(caller: str) -> None:
    assert a.is_near(caller)


@pytest.mark.parametrize("caller", FAR, ids=lambda value: repr(value)[:20])
def test_who_is_not(caller: str | None) -> None:
    assert not a.is_near(caller)


@pytest.mark.parametrize(
    ("candidates", "best"),
    [
        (["8.8.8.8", "192.168.1.5", "10.0.0.1"], "192.168.1.5"),
        (["fd00::1", "169.254.3.4", "10.0.0.1"], "10.0.0.1"),
        (["169.254.3.4", "fd00::1"], "fd00::1"),
        (["169.254.3.4"], "169.254.3.4"),
        (["::ffff:10.0.0.1"], "10.0.0.1"),
        (["127.0.0.1", "::1", "fe80::1", "8.8.8.8", "2001:db8::1"], None),
        (["octopi.local", "", None], None),
        ([], None),
    ],
)
def test_the_address_to_tell(candidates: list[str | None], best: str | None) -> None:
    assert a.best_address(candidates) == best


def test_the_way_to_an_address() -> None:
    assert a.source_address("127.0.0.1") == "127.0.0.1"
    assert a.source_address("::1") in ("::1", None)
    assert a.source_address("app.obico.io") is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.1.1", "::1"])
def test_this_computer_itself(host: str) -> None:
    assert a.is_loopback(host)
    assert not a.is_loopback("192.168.1.5")
