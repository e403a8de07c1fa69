"""The current alert in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from babel.dates import format_timedelta
from flask_babel import get_locale

from ..diagnosis.catalogue import N_
from ..diagnosis.texts import Translate, explain, fill
from ..session.alerts import Alert, Kind
from ..session.report import iso

_TITLES: Mapping[Kind, str] = {
    Kind.SERVER: N_("Obico: trouble with the connection to the server"),
    Kind.WEBCAM: N_("Obico: no pictures from the webcam {webcam}"),
}

_MEANINGS: Mapping[Kind, str] = {
    Kind.SERVER: N_("Prints go on, but Obico cannot watch or control them meanwhile."),
    Kind.WEBCAM: N_("The print goes on, but Obico cannot look for failures meanwhile."),
}

_OVER_TITLES: Mapping[Kind, str] = {
    Kind.SERVER: N_("Obico: connected to the server again"),
    Kind.WEBCAM: N_("Obico: pictures from the webcam {webcam} again"),
}

_OVER = N_("The trouble is over. It lasted {duration}.")


def render_alert(alert: Alert | None, translate: Translate) -> dict[str, Any] | None:
    """The alert as `GET api/status` has it, or None. Its texts are plain text, not markup."""
    if alert is None:
        return None
    facts = {"webcam": alert.subject, **alert.facts}
    words = explain(alert.cause, facts, translate)
    if alert.over:
        title, text = _OVER_TITLES[alert.kind], _over(alert, translate)
    else:
        meaning = translate(_MEANINGS[alert.kind])
        title, text = _TITLES[alert.kind], f"{words['explanation']} {meaning}"
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "since": iso(alert.since),
        "cause": alert.cause.value,
        "title": fill(title, facts, translate),
        "text": text,
        "over": alert.over,
    }


def _over(alert: Alert, translate: Translate) -> str:
    lasted = timedelta(seconds=round(alert.lasted_s or 0.0))
    duration = format_timedelta(lasted, threshold=1.5, locale=get_locale() or "en")
    return fill(_OVER, {"duration": duration}, translate)
