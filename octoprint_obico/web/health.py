"""OctoPrint's Health Check: an item for each channel that is in trouble.

The checks only read what is known already: they run in a timer of OctoPrint and while its pages
load. What they answer with holds no times and no counters, or an item that somebody has marked as
read would come back, and stand in the log again, each time that it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask_babel import gettext
from octoprint.events import Events

from ..server.http import CHANNEL as HTTP
from ..server.redact import redact_all
from ..server.websocket import CHANNEL as WEBSOCKET
from ..session.figures import WEBCAM, part_of
from ..session.trouble import AT_ONCE, PLUGIN, Trouble

Troubles = Callable[[], Sequence[Trouble]]
Pick = Callable[[Sequence[Trouble]], list[Trouble]]

_MAX_TEXT = 300
"""Characters of a text: names and addresses in it come from elsewhere."""

_MAX_WEBCAMS = 5


def health_checks(troubles: Troubles) -> list[Any]:
    """The checks for OctoPrint's hook; none where OctoPrint has no Health Check.

    Args:
        troubles: gives what is in trouble just now, at once.
    """
    try:
        from octoprint.plugins.health_check import checks
    except ImportError:
        return []
    return [_check(checks, key, pick, troubles) for key, pick in _PICKS.items()]


def refresh(event_bus: Any) -> None:
    """Let the open pages look at the health again. Only queues an event."""
    event = getattr(Events, "PLUGIN_HEALTH_CHECK_UPDATE_HEALTHCHECK", None)
    if event is not None:
        event_bus.fire(event)


def _check(checks: Any, key: str, pick: Pick, troubles: Troubles) -> Any:
    """A class as the Health Check wants it."""

    class ObicoHealthCheck(checks.HealthCheck):
        def perform_check(self, force: bool = False) -> Any:
            found = pick(troubles())
            if not found:
                return None
            lasting = any(trouble.cause in AT_ONCE for trouble in found)
            result = checks.Result.ISSUE if lasting else checks.Result.WARNING
            return checks.CheckResult(result=result, context=context_of(found))

    ObicoHealthCheck.key = key
    return ObicoHealthCheck


def context_of(troubles: Sequence[Trouble]) -> dict[str, Any]:
    """What is said of troubles of one kind: stable as long as they are, short, no secrets."""
    context: dict[str, Any] = redact_all({"items": [_words(trouble) for trouble in troubles]})
    return context


def _words(trouble: Trouble) -> dict[str, Any]:
    from ..diagnosis.texts import explain  # no trouble, no texts in memory

    words = explain(trouble.cause, trouble.facts, gettext)
    title, remedy = words["title"], words["remedy"]
    if trouble.name == PLUGIN:
        title = gettext("The plugin has a fault of its own")
        remedy = [
            gettext("This is not your network: nothing there needs mending."),
            gettext("Open the diagnostic report, save it, and send it to the support."),
        ]
    return {
        "channel": trouble.name[:_MAX_TEXT],
        "cause": trouble.cause.value,
        "title": title[:_MAX_TEXT],
        "remedy": [step[:_MAX_TEXT] for step in remedy],
    }


def _webcams(troubles: Sequence[Trouble]) -> list[Trouble]:
    return [trouble for trouble in troubles if part_of(trouble.name) == WEBCAM][:_MAX_WEBCAMS]


def _only(name: str) -> Pick:
    return lambda troubles: [trouble for trouble in troubles if trouble.name == name]


_PICKS: Mapping[str, Pick] = {
    "obico_http": _only(HTTP),
    "obico_websocket": _only(WEBSOCKET),
    "obico_webcam": _webcams,
    "obico_plugin": _only(PLUGIN),
}
"""By the key of the check, under which users switch it off: never renamed. Webcams share one, as
the checks are made once, when OctoPrint starts, and webcams come and go."""
