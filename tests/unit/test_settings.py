"""Posted settings: what is written, and what never is."""

from __future__ import annotations

from typing import Any

import certifi
import pytest

from octoprint_obico import settings as s
from octoprint_obico.server.address import DEFAULT_ADDRESS
from octoprint_obico.server.trust import Accepted


@pytest.mark.parametrize("token", [None, "", "   ", 7, [], False])
def test_a_token_that_is_none_erases_nothing(token: Any) -> None:
    assert s.cleaned({"auth_token": token, "endpoint_prefix": "http://a"}) == {
        "endpoint_prefix": "http://a"
    }


def test_a_token_that_is_given_is_taken() -> None:
    assert s.cleaned({"auth_token": "0123456789abcdef0123"}) == {
        "auth_token": "0123456789abcdef0123"
    }


@pytest.mark.parametrize("address", [None, 7, [], {}])
def test_an_address_that_is_no_text_is_passed_over(address: Any) -> None:
    assert s.cleaned({"endpoint_prefix": address}) == {}


def test_an_address_is_stripped_and_may_be_emptied() -> None:
    assert s.cleaned({"endpoint_prefix": "  http://a  "}) == {"endpoint_prefix": "http://a"}
    assert s.cleaned({"endpoint_prefix": " "}) == {"endpoint_prefix": ""}


def test_what_linking_writes_is_not_posted() -> None:
    assert s.cleaned({"printer_id": 7, "printer_name": "x", "other": 1}) == {"other": 1}


def test_what_was_posted_is_not_changed() -> None:
    posted = {"auth_token": None, "endpoint_prefix": " a "}
    s.cleaned(posted)
    assert posted == {"auth_token": None, "endpoint_prefix": " a "}


def test_the_keys_that_users_have_stay() -> None:
    assert s.DEFAULTS["endpoint_prefix"] == DEFAULT_ADDRESS == "https://app.obico.io"
    assert s.DEFAULTS["auth_token"] is None


def test_nobody_reads_the_token() -> None:
    """Paths are lists of lists: OctoPrint ignores a plain string without a word."""
    assert ["auth_token"] in s.RESTRICTED_PATHS["never"]
    for paths in s.RESTRICTED_PATHS.values():
        assert isinstance(paths, list)
        assert all(isinstance(path, list) for path in paths)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), ("", None), ("  ", None), (" a ", "a"), (7, "7")]
)
def test_a_stored_token(value: Any, expected: str | None) -> None:
    assert s.as_token(value) == expected


@pytest.mark.parametrize("value", [None, "x", "", [], {}])
def test_an_odd_printer_id_is_none(value: Any) -> None:
    assert s.as_printer_id(value) is None


def test_a_printer_id() -> None:
    assert (s.as_printer_id(7), s.as_printer_id("7")) == (7, 7)


def test_a_ca_file_is_taken_where_it_can_be_used() -> None:
    path = certifi.where()
    assert s.cleaned({"tls_ca_file": f" {path} "}) == {"tls_ca_file": path}
    assert s.cleaned({"tls_ca_file": " "}) == {"tls_ca_file": ""}


@pytest.mark.parametrize("path", [None, 7, [], "ca.pem", "/no/such/file", "/"])
def test_a_ca_file_that_cannot_be_used_changes_nothing(path: Any) -> None:
    assert s.cleaned({"tls_ca_file": path}) == {}


def test_a_certificate_is_not_accepted_by_posting_it() -> None:
    assert s.cleaned({"tls_accepted_certificate": "x", "tls_accepted_for": "a:1"}) == {}


@pytest.mark.parametrize(("pem", "server"), [(None, "a:1"), ("", "a:1"), ("x", ""), ("x", None)])
def test_half_an_accepted_certificate_is_none(pem: Any, server: Any) -> None:
    assert s.as_accepted(pem, server) is None


def test_an_accepted_certificate() -> None:
    assert s.as_accepted("x", "a:1") == Accepted("a:1", "x")


@pytest.mark.parametrize("value", [None, "", "yes", 1, []])
@pytest.mark.parametrize("switch", s.SWITCHES)
def test_a_switch_that_is_no_switch_is_passed_over(switch: str, value: Any) -> None:
    assert s.cleaned({switch: value}) == {}
    assert s.cleaned({switch: False}) == {switch: False}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, 60.0), ("", 60.0), ([], 60.0), ("x", 60.0), ("nan", 60.0)]
    + [(2, 2.0), ("90", 90.0), (0, 1.0), (-5, 1.0), (1e9, 86_400.0), ("inf", 86_400.0)],
)
def test_after_how_long_trouble_is_told(value: Any, expected: float) -> None:
    assert s.as_alert_after(value) == expected
