"""What is taken over from the plugin that came before this one."""

from __future__ import annotations

import pytest

from octoprint_obico.former_plugin import taken_over

TOKEN = "0123456789abcdef0123"
HOME = "http://192.168.1.5:3334"

FORMER = {
    "a server at home": (
        {"auth_token": f" {TOKEN} ", "endpoint_prefix": f"{HOME}/"},
        {"auth_token": TOKEN, "endpoint_prefix": HOME},
    ),
    "the retired address": (
        {"auth_token": TOKEN, "endpoint_prefix": "https://app.thespaghettidetective.com"},
        {"auth_token": TOKEN},
    ),
    "no address": ({"auth_token": TOKEN}, {"auth_token": TOKEN}),
    "an address that is none": (
        {"auth_token": TOKEN, "endpoint_prefix": "http://[::1"},
        {"auth_token": TOKEN},
    ),
    "not linked": ({"endpoint_prefix": HOME}, {}),
    "an empty token": ({"auth_token": "  "}, {}),
    "a token that is none": ({"auth_token": 17}, {}),
    "never installed": (None, {}),
    "damaged": (["auth_token"], {}),
}


@pytest.mark.parametrize("name", FORMER)
def test_what_is_taken_over(name: str) -> None:
    former, expected = FORMER[name]
    assert taken_over(None, former) == expected


def test_a_link_of_ones_own_comes_first() -> None:
    assert taken_over("f" * 20, {"auth_token": TOKEN}) == {}
