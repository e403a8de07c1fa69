"""What answers in an Obico Server's place, from its own words."""

from __future__ import annotations

import pytest

from octoprint_obico.server.recognise import UNKNOWN, looks_like

CASES = [
    ({"location": "/login/?redirect=/?&permissions=STATUS,SETTINGS_READ"}, "", "OctoPrint itself"),
    ({}, "OctoPrint Login", "OctoPrint itself"),
    ({"server": "nginx/1.22"}, "FRITZ!Box", "a FRITZ!Box router"),
    ({"server": "nginx/1.22"}, "", "an nginx web server"),
    ({"server": "TP-LINK HTTPD/1.0"}, "", "a router"),
    ({}, "Mainsail", "a Klipper web interface"),
    ({"server": "Apache/2.4.57 (Debian)"}, "Pi-hole", "a Pi-hole"),
    ({}, "", UNKNOWN),
]


@pytest.mark.parametrize(("headers", "title", "what"), CASES)
def test_what_it_looks_like(headers: dict[str, str], title: str, what: str) -> None:
    assert looks_like(headers, title, "") == what


def test_a_page_without_an_end_is_looked_at_only_in_part() -> None:
    assert looks_like({}, "", "x" * 100_000 + "welcome to nginx") == UNKNOWN
    assert looks_like({}, "", "Welcome to nginx!") != UNKNOWN
