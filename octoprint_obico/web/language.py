"""The reader's language: texts, plurals, figures and times, as plain functions to be handed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_timedelta
from babel.numbers import format_decimal


@dataclass(frozen=True)
class Language:
    """How texts and figures are shown to one reader.

    Attributes:
        gettext: translates a text; values by name fill its placeholders, e.g. %(count)s.
        ngettext: the same for singular, plural and number.
        locale: the reader's locale, e.g. "de" or "pt_BR".
    """

    gettext: Callable[..., str]
    ngettext: Callable[..., str]
    locale: str = "en"

    def number(self, value: float, digits: int = 0) -> str:
        """A figure with at most so many digits after the point, its thousands apart."""
        pattern = "#,##0." + "#" * digits if digits else "#,##0"
        text: str = format_decimal(value, pattern, locale=self.locale)
        return text

    def ago(self, iso: str, now: str) -> str:
        """How long before `now` a moment was, e.g. "3 hours ago"; never "in 0 seconds"."""
        past = min(parsed(iso) - parsed(now), timedelta(seconds=-1))
        text: str = format_timedelta(past, add_direction=True, locale=self.locale)
        return text

    def duration(self, seconds: float) -> str:
        """A length of time in at most two units, e.g. "3 h 12 min"."""
        total = max(0, round(seconds))
        minutes, hours, days = total // 60, total // 3600, total // 86400
        if minutes < 1:
            return self.gettext("%(seconds)s s", seconds=total)
        if hours < 1:
            rest, text = total % 60, self.gettext("%(minutes)s min", minutes=minutes)
            more = self.gettext("%(seconds)s s", seconds=rest) if minutes < 10 else ""
        elif days < 1:
            rest, text = minutes % 60, self.gettext("%(hours)s h", hours=hours)
            more = self.gettext("%(minutes)s min", minutes=rest)
        else:
            rest, text = hours % 24, self.gettext("%(days)s d", days=self.number(days))
            more = self.gettext("%(hours)s h", hours=rest)
        return f"{text} {more}" if rest and more else text


def parsed(iso: str) -> datetime:
    """A moment out of the report's JSON."""
    return datetime.fromisoformat(iso.replace("Z", "+00:00"))


def utc(iso: str) -> str:
    """A moment for people who do not know the reader's zone, to the second."""
    return f"{parsed(iso):%Y-%m-%d %H:%M:%S} UTC"


def _english(text: str, **values: object) -> str:
    return text % values if values else text


def _english_plural(singular: str, plural: str, number: int, **values: object) -> str:
    return (singular if number == 1 else plural) % {"num": number, **values}


ENGLISH = Language(_english, _english_plural)
"""For whoever has no reader in front of him."""
