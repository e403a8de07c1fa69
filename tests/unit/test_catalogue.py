"""The texts of all causes: complete, short, and with nothing in them that nobody fills in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from octoprint_obico.diagnosis.catalogue import CATALOGUE, Entry
from octoprint_obico.diagnosis.result import EXIT_STATUS, Verdict
from octoprint_obico.diagnosis.texts import HEADLINES, explain, fill
from octoprint_obico.server.causes import CREDENTIAL_CAUSES, Cause

PACKAGE = Path(__file__).resolve().parent.parent.parent / "octoprint_obico"
CONTRACT = {
    "address_missing",
    "address_malformed",
    "address_retired",
    "address_redirected",
    "address_path_wrong",
    "https_required",
    "network_down",
    "host_unreachable",
    "gateway_unreachable",
    "wifi_signal_weak",
    "packet_loss",
    "high_latency",
    "power_undervoltage",
    "clock_wrong",
    "ipv6_broken",
    "mtu_blackhole",
    "dns_name_not_found",
    "dns_no_address",
    "dns_server_failure",
    "dns_timeout",
    "dns_unavailable",
    "dns_blocked",
    "connection_refused",
    "connection_timed_out",
    "connection_reset",
    "proxy_unreachable",
    "proxy_authentication_required",
    "proxy_refused",
    "tls_certificate_expired",
    "tls_certificate_not_yet_valid",
    "tls_hostname_mismatch",
    "tls_self_signed",
    "tls_untrusted_issuer",
    "tls_not_spoken",
    "tls_version_unsupported",
    "tls_client_certificate_required",
    "tls_handshake_failed",
    "response_timed_out",
    "not_http",
    "captive_portal",
    "not_an_obico_server",
    "server_too_old",
    "access_denied",
    "throttled",
    "server_unavailable",
    "server_error",
    "invalid_response",
    "not_linked",
    "authorization_stripped",
    "credentials_invalid",
    "credentials_shared",
    "websocket_refused",
    "websocket_handshake_timed_out",
    "websocket_reset",
    "websocket_invalid_handshake",
    "websocket_dropped",
    "websocket_unresponsive",
    "webcam_not_configured",
    "webcam_url_malformed",
    "webcam_unreachable",
    "webcam_timed_out",
    "webcam_authentication_required",
    "webcam_not_found",
    "webcam_error",
    "webcam_not_an_image",
    "webcam_stream_as_snapshot",
    "webcam_too_large",
    "webcam_corrupt",
    "unknown_error",
}
"""The ids of the contract: users search for them, so they are never renamed."""


def texts_of(entry: Entry) -> tuple[str, ...]:
    return (entry.title, entry.explanation, entry.closer, *entry.remedy)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def facts_in_the_sources() -> Iterator[str]:
    """Every key under which some module of the package puts a fact."""
    for path in PACKAGE.rglob("*.py"):
        if path.name == "catalogue.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                yield from (
                    key.value
                    for key in node.keys
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                )
            elif isinstance(node, ast.keyword) and node.arg:
                yield node.arg
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                yield str(node.slice.value)


FACTS = set(facts_in_the_sources())


def test_the_ids_are_those_of_the_contract() -> None:
    assert {cause.value for cause in Cause} == CONTRACT


def test_every_cause_has_its_words() -> None:
    assert set(CATALOGUE) == set(Cause)


@pytest.mark.parametrize("cause", Cause, ids=str)
def test_an_entry(cause: Cause) -> None:
    entry = CATALOGUE[cause]
    assert 1 <= len(entry.remedy) <= 5
    assert len(set(entry.remedy)) == len(entry.remedy)
    assert entry.title and len(entry.title) <= 60
    assert not entry.title.endswith(".")
    assert entry.explanation.rstrip()[-1] in ".}"
    for text in texts_of(entry):
        assert text == " ".join(text.split()), "no stray white space"
        assert placeholders(text) <= FACTS, f"nobody fills in {placeholders(text) - FACTS}"
        for name in placeholders(text):
            assert name.isidentifier()
            assert not {"token", "password", "secret", "cookie", "code_typed"} & {name}


def test_what_was_seen_is_said_and_only_then() -> None:
    """A channel that merely failed knows less than a diagnosis."""
    status = {"host": "obico.lan", "status": 400}
    assert "–" not in explain(Cause.WEBSOCKET_REFUSED, status, str)["explanation"]
    seen = explain(Cause.WEBSOCKET_REFUSED, {**status, "who": "a proxy"}, str)
    assert seen["explanation"].endswith("status 400: a proxy.")


@pytest.mark.parametrize("cause", Cause, ids=str)
def test_the_words_can_be_made_of_nothing_and_of_anything(cause: Cause) -> None:
    """A fact that is missing, or has braces in it, is no crash."""
    bare = explain(cause, {}, str)
    assert bare["cause"] == cause.value
    names = {name for text in texts_of(CATALOGUE[cause]) for name in placeholders(text)}
    odd = explain(cause, dict.fromkeys(names, "{x} {0} %s"), str)
    assert all("{x} {0} %s" in text or "{" not in text for text in odd["remedy"])


def test_facts_in_words() -> None:
    assert fill("{a}, {b}, {c}, {d}", {"a": [1, 2], "b": None, "c": ""}, str) == "1, 2, –, –, –"
    assert fill("{n}", {"n": 0}, str) == "0", "a zero is a figure"


def test_every_verdict_has_a_headline_and_an_exit_status() -> None:
    assert set(HEADLINES) == set(Verdict) == set(EXIT_STATUS)
    assert sorted(EXIT_STATUS.values()) == [0, 1, 2, 3]


def test_linking_again_is_offered_only_where_it_helps() -> None:
    assert {cause.value for cause in CREDENTIAL_CAUSES} == {
        "not_linked",
        "credentials_invalid",
        "credentials_shared",
    }
    for cause in Cause:
        offered = any("Re-run Wizard" in step for step in CATALOGUE[cause].remedy)
        assert offered is (cause in CREDENTIAL_CAUSES), cause
