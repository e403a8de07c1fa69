"""The report's figures in sentences: what a layman wants to know first.

Everything here takes the report's JSON (DIAGNOSIS contract) and a language, and gives text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from ..diagnosis.catalogue import N_
from ..session.figures import PARTS, part_of
from ..session.report import SEVERITIES
from .language import Language

Section = Mapping[str, Any]

TITLES: Mapping[str, str] = {
    "server": N_("Connection to server"),
    "webcam": N_("Connection to webcam"),
    "plugin": N_("The plugin itself"),
}

_CHANNELS: Mapping[str, str] = {
    "http": N_("HTTP (single requests)"),
    "websocket": N_("WebSocket (lasting connection)"),
    "plugin": N_("The plugin itself"),
}

_JUDGEMENTS: Mapping[str, str] = {
    "harmless": N_("This is harmless."),
    "noticeable": N_("This is noticeable: keep an eye on it."),
    "act": N_("This is too much: see below what to do."),
    "no_connection": N_("There has been no connection at all."),
}

_NOT_YOUR_NETWORK = N_("This is not your network.")

_JUDGEMENTS_OF: Mapping[str, Mapping[str, str]] = {
    "webcam": {"no_connection": N_("There has been no picture at all.")},
    "plugin": dict.fromkeys(SEVERITIES, _NOT_YOUR_NETWORK),
}

_ACTIVE = N_("It is still going on.")

# by part and tone
_HEADLINES: Mapping[tuple[str, str], str] = {
    ("server", "no_connection"): N_("The server has not been reached once in this session."),
    ("server", "act"): N_("The connection to the server was down too often or too long."),
    ("server", "act_active"): N_("Something is wrong with the connection to the server."),
    ("server", "noticeable"): N_("The connection to the server fails now and then."),
    ("server", "active"): N_("The connection to the server fails just now."),
    ("webcam", "no_connection"): N_("The webcam has not given one picture in this session."),
    ("webcam", "act"): N_("The webcam failed too often or for too long."),
    ("webcam", "act_active"): N_("Something is wrong with the webcam."),
    ("webcam", "noticeable"): N_("The webcam fails now and then."),
    ("webcam", "active"): N_("The webcam gives no picture just now."),
    ("plugin", "no_connection"): N_("The plugin itself does not work. This is not your network."),
    ("plugin", "act"): N_("The plugin itself has failed often. This is not your network."),
    ("plugin", "act_active"): N_("The plugin itself does not work. This is not your network."),
    ("plugin", "noticeable"): N_("The plugin itself has failed. This is not your network."),
    ("plugin", "active"): N_("The plugin itself fails just now. This is not your network."),
}

_HARMLESS_HEADLINE = N_("All in all it works: the few failures in this session are harmless.")
_CALM_HEADLINE = N_("Nothing has failed in this session.")
_UNTRIED_HEADLINE = N_("Nothing has been tried in this session yet.")

LONG_P = 0.5
"""A chance above it is not worth telling."""


@dataclass(frozen=True)
class Clocked:
    """A sentence in which "{clock}" stands for a time of day, if there is one in it.

    Attributes:
        hour: the time of day in hours of UTC; the reader's zone is known to his browser only.
    """

    text: str
    hour: float | None = None

    @property
    def clock(self) -> str:
        """The time of day in UTC, e.g. "03:10"."""
        minutes = round((self.hour or 0.0) * 60) % 1440
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    @property
    def plain(self) -> str:
        """The whole sentence, with the time in UTC."""
        return self.text.replace("{clock}", f"{self.clock} UTC")

    @property
    def halves(self) -> tuple[str, str]:
        """What stands before and after the time of day."""
        before, _, after = self.text.partition("{clock}")
        return before, after


def channel_title(name: str, language: Language) -> str:
    """A channel's name for people; a webcam has its own."""
    known = _CHANNELS.get(name)
    return language.gettext(known) if known else name.partition(":")[2] or name


def percent(attempts: int, errors: int, language: Language) -> str:
    """The error rate in per cent, as short as it can be without claiming too much."""
    rate = 100.0 * errors / attempts if attempts else 0.0
    if 0 < rate < 0.1:
        return f"< {language.number(0.1, 1)}"
    if rate < 10:
        return language.number(rate, 1)
    # 100 % means that not one attempt succeeded; 99.9 % must not look the same
    return language.number(rate if errors == attempts else min(round(rate), 99))


def share(part: float, language: Language) -> str:
    """A share, 0 to 1, in per cent; rounded down, as 100 % has to mean all of it."""
    value = floor(part * 10000 + 1e-6) / 100
    if part > 0 and value < 0.01:
        return f"< {language.number(0.01, 2)}"
    return language.number(value, 2 if value > 99 else 1)


def sentence(part: str, report: Mapping[str, Any], language: Language) -> str:
    """A part with errors in one or two sentences, with what they mean."""
    section = report[part]
    pieces = [_count(section, report["generated_at"], language), *_because(part, report, language)]
    return " ".join([*pieces, judgement(part, section, language)])


def judgement(part: str, section: Section, language: Language) -> str:
    """What a section's severity means; nothing that goes on just now is called harmless."""
    table = _JUDGEMENTS if part == "server" else {**_JUDGEMENTS, **_JUDGEMENTS_OF[part]}
    text = language.gettext(table[section["severity"]])
    if not section["active"] or section["severity"] == "no_connection":
        return text
    still = language.gettext(_ACTIVE)
    return still if section["severity"] == "harmless" else f"{still} {text}"


def _count(section: Section, now: str, language: Language) -> str:
    """E.g. "9 of 214 attempts failed (4 %), in 2 episodes, the last 3 hours ago."."""
    attempts, errors = section["attempts"], section["errors"]
    facts = {
        "attempts": language.number(attempts),
        "errors": language.number(errors),
        "percent": percent(attempts, errors, language),
        "last": language.ago(section["last_error_at"], now),
    }
    if errors == attempts:
        return language.ngettext(
            "The only attempt failed (100 %%), %(last)s.",
            "All %(attempts)s attempts failed (100 %%), the last %(last)s.",
            attempts,
            **facts,
        )
    if errors == 1:
        return language.gettext(
            "1 of %(attempts)s attempts failed (%(percent)s %%), %(last)s.", **facts
        )
    episodes = section["pattern"]["episodes"]
    return language.ngettext(
        "%(errors)s of %(attempts)s attempts failed (%(percent)s %%), in one episode, "
        "the last %(last)s.",
        "%(errors)s of %(attempts)s attempts failed (%(percent)s %%), in %(episodes)s episodes, "
        "the last %(last)s.",
        episodes,
        episodes=language.number(episodes),
        **facts,
    )


def _because(part: str, report: Mapping[str, Any], language: Language) -> list[str]:
    """What makes it worse than its rate alone, where something does."""
    section = report[part]
    if section["severity_because"] == "time":
        return [_down(section, language)]
    name = section["severity_channel"]
    if name is None:
        return []
    channel = report["channels"][name]
    title = channel_title(name, language)
    if channel["severity_because"] == "time":
        said = _down(channel, language)
        return [language.gettext("%(channel)s: %(said)s", channel=title, said=said)]
    return [
        language.gettext(
            "%(channel)s alone: %(errors)s of %(attempts)s failed (%(percent)s %%).",
            channel=title,
            errors=language.number(channel["errors"]),
            attempts=language.number(channel["attempts"]),
            percent=percent(channel["attempts"], channel["errors"], language),
        )
    ]


def _down(section: Section, language: Language) -> str:
    """How long it was down, which few attempts may hide."""
    availability = section["availability"]
    return language.gettext(
        "It was down for %(duration)s in all, %(percent)s %% of the time.",
        duration=language.duration(section["down_s"]),
        percent=share(1.0 - (1.0 if availability is None else availability), language),
    )


def _badness(section: Section) -> tuple[int, float]:
    return SEVERITIES.index(section["severity"]), section["error_rate"]


def channels_of(part: str, report: Mapping[str, Any]) -> Sequence[str]:
    """The names of a part's channels, in a lasting order."""
    names = [name for name in report["channels"] if part_of(name) == part]
    return sorted(names, key=lambda name: (name != "http", name))


def headline(report: Mapping[str, Any], language: Language) -> str:
    """The whole report in one or two sentences, the worst first."""
    failed = [part for part in PARTS if report.get(part)]
    if not failed:
        tried = any(section["attempts"] for section in report["channels"].values())
        return language.gettext(_CALM_HEADLINE if tried else _UNTRIED_HEADLINE)
    failed.sort(key=lambda part: -_badness(report[part])[0])
    texts = [_HEADLINES.get((part, tone(part, report[part]))) for part in failed]
    said = [language.gettext(text) for text in texts if text]
    return " ".join(said) or language.gettext(_HARMLESS_HEADLINE)


def tone(part: str, section: Section) -> str:
    """How a part is to be spoken of: by its severity, and by whether it goes on just now."""
    severity = str(section["severity"])
    if section["active"] and severity != "no_connection":
        return "act_active" if severity == "act" else "active"
    # our own faults are never taken for harmless
    return "noticeable" if part == "plugin" and severity == "harmless" else severity


# ---------------------------------------------------------------------------------------------
# The pattern

_PATTERNS: Mapping[str, str] = {
    "too_few": N_("Too few errors or attempts to tell whether they come in bursts."),
    "random": N_("The errors come at random, spread over the session."),
    "constant": N_("Every attempt failed."),
}


def pattern(part: str, report: Mapping[str, Any], language: Language) -> Clocked:
    """How a part's errors are spread, in words, with how likely that is at random."""
    found = report[part]["pattern"]
    kind, hour = found["kind"], found["hour_of_day"]
    texts = _periodic(found, language) if kind == "periodic" else []
    if kind == "bursts":
        texts = [_bursts(found, language)]
    elif kind != "periodic":
        texts = [language.gettext(_PATTERNS.get(kind, _PATTERNS["too_few"]))]
    if kind in ("bursts", "periodic"):
        texts.append(chance(found["p_value"], language))
    said = " ".join(text for text in texts if text)
    if found["channel"] and not _goes_for_all(part, report):
        title = channel_title(found["channel"], language).replace("{clock}", "")
        said = language.gettext("%(channel)s: %(said)s", channel=title, said=said)
    return Clocked(said, hour if kind == "periodic" else None)


def _goes_for_all(part: str, report: Mapping[str, Any]) -> bool:
    """Whether a part's pattern need not be said of one of its channels alone."""
    section = report[part]
    whole = section["pattern"]["kind"] == "constant" and section["errors"] == section["attempts"]
    return whole or section["pattern"]["kind"] == "too_few" or len(channels_of(part, report)) < 2


def _periodic(found: Mapping[str, Any], language: Language) -> list[str]:
    texts = []
    if found["period_s"]:
        texts.append(
            language.gettext(
                "The connections live for about %(duration)s each, then they are cut.",
                duration=language.duration(found["period_s"]),
            )
        )
    if found["hour_of_day"] is not None:
        texts.append(language.gettext("The errors come mostly around {clock}, day after day."))
    return texts


def _bursts(found: Mapping[str, Any], language: Language) -> str:
    ratio = found["burst_ratio"]
    if not ratio or ratio < 1.5:
        return language.gettext("The errors come in bursts.")
    return language.gettext(
        "The errors come in bursts: %(ratio)s times as many in a row as chance would give.",
        ratio=language.number(ratio, 1 if ratio < 10 else 0),
    )


def chance(p_value: float | None, language: Language) -> str:
    """How likely such a pattern is at random, where that was tested and says something; else ""."""
    if p_value is None or p_value > LONG_P:
        return ""
    if p_value < 1e-6:
        return language.gettext("Chance of this at random: less than 1 in a million.")
    return language.gettext(
        "Chance of this at random: 1 in %(count)s.", count=language.number(_rounded(1 / p_value))
    )


def _rounded(value: float) -> float:
    """Two figures are enough for a chance."""
    digits = len(str(int(value)))
    return round(value, min(0, 2 - digits))
