"""The report's sentences: true, and short."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from octoprint_obico.web.language import ENGLISH, Language
from octoprint_obico.web.report_guidance import curl_line, guidance
from octoprint_obico.web.report_text import report_text
from octoprint_obico.web.report_view import view
from octoprint_obico.web.report_words import (
    chance,
    channel_title,
    headline,
    pattern,
    percent,
    sentence,
    share,
)
from tests.report_scenes import DAY, FACTS, HOUR, SCENES, Scene, scene, steady
from tests.unit.report_maker import STATUS, report_of, result_of


@pytest.mark.parametrize(
    ("attempts", "errors", "expected"),
    [
        (214, 9, "4.2"),
        (0, 0, "0"),
        (100_000, 1, "< 0.1"),
        (1000, 999, "99"),
        (1000, 1000, "100"),
        (200, 100, "50"),
        (25, 1, "4"),
    ],
)
def test_error_rates(attempts: int, errors: int, expected: str) -> None:
    assert percent(attempts, errors, ENGLISH) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.0, "100"), (0.99999, "99.99"), (0.994, "99.4"), (0.5, "50"), (0.0, "0"), (1e-6, "< 0.01")],
)
def test_availability_is_never_rounded_up(value: float, expected: str) -> None:
    assert share(value, ENGLISH) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (95, "1 min 35 s"),
        (1325, "22 min"),
        (3600, "1 h"),
        (11_520, "3 h 12 min"),
        (90_000, "1 d 1 h"),
        (30 * DAY, "30 d"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert ENGLISH.duration(seconds) == expected


def test_figures_in_the_readers_way() -> None:
    german = Language(ENGLISH.gettext, ENGLISH.ngettext, "de")
    assert german.number(1234.5, 1) == "1.234,5"
    assert german.ago("2026-11-21T12:00:00Z", "2026-11-21T15:00:00Z") == "vor 3 Stunden"
    assert ENGLISH.ago("2026-11-21T15:00:09Z", "2026-11-21T15:00:00Z") == "1 second ago"


@pytest.mark.parametrize(
    ("p_value", "expected"),
    [
        (None, ""),
        (0.7, ""),
        (0.25, "1 in 4"),
        (0.000025, "1 in 40,000"),
        (3.517e-6, "1 in 280,000"),
        (1e-9, "1 in a million"),
    ],
)
def test_chances(p_value: float | None, expected: str) -> None:
    said = chance(p_value, ENGLISH)
    assert (expected in said) if expected else said == ""


def test_a_harmless_part() -> None:
    """As on the help page: count, rate, episodes, how long ago, what it means."""
    outages = [(HOUR, HOUR + 290), (3 * HOUR, 3 * HOUR + 230)]
    report = report_of(
        scene(6 * HOUR, steady("http", 6 * HOUR, 60, "connection_timed_out", outages, **FACTS))
    )
    assert sentence("server", report, ENGLISH) == (
        "9 of 360 attempts failed (2.5 %), in 2 episodes, the last 3 hours ago. This is harmless."
    )
    assert headline(report, ENGLISH).startswith("All in all it works")


def test_the_only_attempt_and_all_attempts() -> None:
    one = Scene(60, ((30, "http", "connection_refused", FACTS),))
    assert sentence("server", report_of(one), ENGLISH).startswith(
        "The only attempt failed (100 %), 30 seconds ago. There has been no connection at all."
    )
    all_failed = report_of("unreached")
    assert sentence("server", all_failed, ENGLISH).startswith("All 120 attempts failed (100 %)")
    assert headline(all_failed, ENGLISH).startswith("The server has not been reached once")


def test_a_long_outage_of_few_attempts_is_told_by_its_time() -> None:
    report = report_of("outage")
    assert report["server"]["severity_because"] == "time"
    said = sentence("server", report, ENGLISH)
    assert "1 of 961 attempts failed (0.1 %)" in said
    assert "down for 3 h 59 min in all, 39.9 % of the time" in said
    assert "harmless" not in said


def test_the_worse_channel_is_named() -> None:
    starts = [400.0 / 7 + 800.0 * number for number in range(5)]
    glitches = [(moment - 1, moment + 1) for moment in starts]
    websocket = [
        *steady("websocket", HOUR, 400, "websocket_refused", glitches, **FACTS, status=403),
        *((moment + 2, "websocket", "", {}) for moment in starts),
    ]
    report = report_of(
        scene(
            HOUR,
            steady("http", HOUR, 10, "", []),
            iter(websocket),
        )
    )
    assert report["server"]["severity_because"] == "channel"
    said = sentence("server", report, ENGLISH)
    assert "WebSocket (lasting connection) alone: 5 of 14 failed (36 %)." in said
    assert "harmless" not in said


def test_what_goes_on_is_never_called_harmless() -> None:
    end = 10 * HOUR
    report = report_of(
        scene(end, steady("http", end, 60, "connection_timed_out", [(end - 100, end)], **FACTS))
    )
    assert report["server"]["severity"] == "harmless"
    assert report["server"]["active"] is True
    assert sentence("server", report, ENGLISH).endswith("It is still going on.")
    assert headline(report, ENGLISH) == "The connection to the server fails just now."


def test_the_plugins_own_faults_are_not_the_network() -> None:
    report = report_of("faults")
    said = sentence("plugin", report, ENGLISH)
    assert "This is not your network." in said
    assert "not your network" in headline(report, ENGLISH)
    causes = report["plugin"]["words"]["causes"]
    assert "building the status (AttributeError)" in causes[0]["explanation"]


def test_nothing_failed_and_nothing_tried() -> None:
    assert headline(report_of("calm"), ENGLISH) == "Nothing has failed in this session."
    assert "Nothing has been tried" in headline(report_of(Scene(60, ())), ENGLISH)


def test_patterns() -> None:
    week = pattern("server", report_of("week"), ENGLISH)
    assert "mostly around {clock}, day after day" in week.text
    assert week.plain.count("00:36 UTC") == 1
    assert "".join([week.halves[0], week.clock, " UTC", week.halves[1]]) == week.plain
    proxy = pattern("server", report_of("proxy"), ENGLISH)
    assert "live for about 1 min each, then they are cut." in proxy.plain
    assert proxy.hour is None
    bursts = pattern("server", report_of("bursts"), ENGLISH).plain
    assert "times as many in a row as chance would give" in bursts
    assert "less than 1 in a million" in bursts
    assert pattern("server", report_of("unreached"), ENGLISH).plain == "Every attempt failed."
    one_of_two = pattern("webcam", report_of("webcam"), ENGLISH).plain
    assert one_of_two.endswith(": Every attempt failed.")
    assert "<script>" in one_of_two


def test_names_of_channels() -> None:
    assert channel_title("websocket", ENGLISH) == "WebSocket (lasting connection)"
    assert channel_title("webcam:a:b", ENGLISH) == "a:b"
    assert channel_title("webcam:", ENGLISH) == "webcam:"


# ---------------------------------------------------------------------------------------------
# The guidance


def steps_of(name: str, part: str = "server", test: dict[str, Any] | None = None) -> str:
    steps = guidance(part, report_of(name, test), "http://obico.lan:3334", ENGLISH)
    assert steps
    return "\n".join(f"{step.text} {step.command}".strip() for step in steps)


def test_guidance_without_any_connection() -> None:
    said = steps_of("unreached")
    assert "Press TEST" in said
    assert "/dev/null http://obico.lan:3334/hc/" in said
    assert "Wi-Fi" not in said
    told = steps_of("unreached", test=result_of("connection_refused"))
    assert "has found: Connection refused" in told
    assert "Press TEST" not in told


def test_guidance_for_a_bad_line_tells_the_measured_signal() -> None:
    weak = result_of(None, "warned", interface="wlan0", signal="-82 dBm")
    assert "wlan0 is weak (-82 dBm in the last TEST)" in steps_of("many", test=weak)
    good = result_of(None, "passed", interface="wlan0", signal="-50 dBm")
    assert "good enough in the last TEST (-50 dBm)" in steps_of("many", test=good)
    assert "saw no Wi-Fi in use" in steps_of("many", test=result_of(None))
    assert "Most often it is the Wi-Fi" in steps_of("many")


def test_a_refusal_is_not_blamed_on_the_wifi() -> None:
    assert "Wi-Fi" not in steps_of("outage")


def test_guidance_by_pattern() -> None:
    proxy = steps_of("proxy")
    assert "quiet for 1 min" in proxy and "proxy_read_timeout" in proxy
    assert "Wi-Fi" not in proxy
    assert "at that time of day" in steps_of("week")
    assert "go away and come back" in steps_of("bursts") or "goes away" in steps_of("bursts")


def test_guidance_for_webcam_and_plugin() -> None:
    constant = steps_of("webcam", "webcam")
    assert "Classic Webcam" in constant
    assert "now and then" not in constant
    assert "now and then" in steps_of("many", "webcam")
    assert "not your network" in steps_of("faults", "plugin")


def test_at_most_six_steps() -> None:
    for name in SCENES:
        report = report_of(name)
        for part in ("server", "webcam", "plugin"):
            if report[part]:
                assert len(guidance(part, report, STATUS["address"], ENGLISH)) <= 6


@pytest.mark.parametrize(
    "address",
    [
        "http://obico.lan:3334",
        "https://app.obico.io/$(reboot)",
        "https://app.obico.io/;reboot&&x",
        "https://app.obico.io/a*?b!c#d~e",
        "http://[fe80::1]:3334/[1-9]",
        "https://app.obico.io/%41$HOME",
    ],
)
def test_the_curl_line_is_one_address_for_a_shell(address: str) -> None:
    words = shlex.split(curl_line(address))
    assert words[0] == "curl"
    assert [word for word in words if "://" in word] == [words[-1]]
    assert words[-1].endswith("/hc/")
    assert "--globoff" in words


@pytest.mark.parametrize(
    "address",
    ["", None, "http://user:secret@obico.lan", "http://a b", "http://x'; reboot; '", "ftp://x"],
)
def test_no_line_for_an_address_that_cannot_be_used(address: str | None) -> None:
    assert curl_line(address) == ""
    steps = guidance("server", report_of("unreached"), address, ENGLISH)
    assert not [step for step in steps if step.command]


# ---------------------------------------------------------------------------------------------
# The text


@pytest.mark.parametrize("name", SCENES)
def test_the_text_says_what_the_page_says(name: str) -> None:
    report = report_of(name, result_of("connection_refused"))
    text = report_text(report, STATUS, ENGLISH)
    shown = view(report, STATUS, ENGLISH)
    assert shown.headline in text
    for part in shown.parts:
        assert part.title in text and part.sentence in text and part.pattern.plain in text
        for cause in [*part.causes, *part.more_causes]:
            assert cause["title"] in text and cause["cause"] in text
        for step in part.steps:
            assert step.text in text and step.command in text
    assert "Failed to contact server" in text
    assert len(text) < 40_000
    assert "%(" not in text and "{" not in text


def test_the_text_of_a_quiet_session() -> None:
    text = report_text(report_of("calm"), STATUS, ENGLISH)
    assert "Connection to server: nothing failed in this session (252 attempts)." in text
    assert "TEST was not pressed" in text
    assert "What to do" not in text
