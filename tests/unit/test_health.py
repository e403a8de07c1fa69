"""What the Health Check and the notices say: stable, short, without secrets, and never nothing."""

from __future__ import annotations

import json
import warnings
from string import Formatter
from types import ModuleType
from typing import Any

import flask
import pytest
from flask_babel import Babel

from octoprint_obico.agent import Agent
from octoprint_obico.diagnosis.catalogue import CATALOGUE
from octoprint_obico.server.causes import Cause
from octoprint_obico.session.alerts import Alert, Kind
from octoprint_obico.session.trouble import Trouble
from octoprint_obico.web.alerts import render_alert
from tests.servers.hosts import FakeHost


def load() -> tuple[ModuleType, ModuleType]:
    """Ours, which knows OctoPrint's; that one leaves a socket open when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        from octoprint_obico.web import api, health
    return api, health


api, health = load()

#: What may stand in a title or a step: where something is, and nothing that is counted or timed.
STABLE = {"address", "gateway", "host", "interface", "port", "suggestion", "url", "which"}
FACTS = {"host": "obico.lan", "address": "http://obico.lan", "url": "http://u:geheim@cam/?a=1"}


def trouble(name: str = "http", cause: Cause = Cause.CONNECTION_REFUSED, **facts: Any) -> Trouble:
    return Trouble(name, cause, {**FACTS, **facts}, 1000.0, 5.0)


def check(key: str, *troubles: Trouble) -> Any:
    """What the check of this key says of these troubles, made as OctoPrint makes it."""
    made = {each.key: each({}) for each in health.health_checks(lambda: troubles)}
    return made[key].perform_check()


def same(text: str) -> str:
    return text


@pytest.mark.parametrize("cause", list(Cause))
def test_titles_and_steps_hold_only_what_does_not_change(cause: Cause) -> None:
    """Else an item that was marked as read would come back."""
    entry = CATALOGUE[cause]
    texts = (entry.title, *entry.remedy)
    names = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    assert names <= STABLE


def test_nothing_in_trouble_is_okay() -> None:
    keys = [each.key for each in health.health_checks(lambda: ())]
    assert keys == ["obico_http", "obico_websocket", "obico_webcam", "obico_plugin"]
    assert [check(key) for key in keys] == [None] * 4


def test_each_channel_has_an_item_of_its_own() -> None:
    both = trouble("http"), trouble("websocket", Cause.WEBSOCKET_REFUSED)
    for key, cause in (
        ("obico_http", "connection_refused"),
        ("obico_websocket", "websocket_refused"),
    ):
        (item,) = check(key, *both).context["items"]
        assert item["cause"] == cause
        assert item["title"] and item["remedy"]
    assert check("obico_webcam", *both) is None


def test_trouble_that_goes_on_is_the_same_item() -> None:
    first = check("obico_http", trouble(seconds=10.1, status=502))
    later = check("obico_http", Trouble("http", Cause.CONNECTION_REFUSED, {**FACTS}, 2000.0, 9.0))
    assert first == later


def test_only_what_no_waiting_mends_is_an_issue() -> None:
    assert check("obico_http", trouble()).result == "warning"
    assert check("obico_http", trouble(cause=Cause.CREDENTIALS_INVALID)).result == "issue"


def test_the_plugins_own_fault_is_not_called_the_networks() -> None:
    (item,) = check("obico_plugin", trouble("plugin", Cause.UNKNOWN_ERROR)).context["items"]
    assert "not your network" in item["remedy"][0]


def test_webcams_share_an_item_that_stays_short() -> None:
    name = "webcam:" + "x" * 5000
    webcams = [trouble(f"{name}{n}", Cause.WEBCAM_UNREACHABLE, which="y" * 5000) for n in range(50)]
    context = check("obico_webcam", *webcams).context
    assert len(context["items"]) == 5
    assert len(json.dumps(context)) < 5 * 4 * 500


def test_no_secret_of_an_address() -> None:
    context = health.context_of([trouble("webcam:Cam", Cause.WEBCAM_UNREACHABLE)])
    assert "http://REDACTED@cam" in str(context)
    assert "geheim" not in str(context)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("cause", list(Cause))
def test_an_alert_has_words_for_every_cause(kind: Kind, cause: Cause) -> None:
    alert = Alert("a-1", kind, "Cam", cause, {}, None)
    words = render_alert(alert, same)
    assert words is not None
    assert words["since"] is None
    assert "Obico" in words["title"]
    assert "{" not in words["title"] + words["text"]


def test_the_end_says_how_long_it_took() -> None:
    alert = Alert("a-1", Kind.WEBCAM, "Cam", Cause.WEBCAM_UNREACHABLE, {}, 1000.0, True, 480.0)
    words = render_alert(alert, same)
    assert words is not None
    assert (words["over"], words["title"]) == (True, "Obico: pictures from the webcam Cam again")
    assert words["text"] == "The trouble is over. It lasted 8 minutes."
    assert render_alert(None, same) is None


def test_a_page_in_the_background_is_nobody_who_looks() -> None:
    """Else an open page would keep the channels trying at short intervals, and be told of each."""
    host = FakeHost("http://127.0.0.1:1", None)
    host.versions = lambda: {"plugin": "3.0.0", "octoprint": "1.11.8"}  # type: ignore[method-assign]
    agent = Agent(host, "3.0.0")  # not started
    app = flask.Flask(__name__)
    Babel(app)
    with app.test_request_context("/?peek=1"):
        assert api.Api(agent, host).status().get_json()["alert"] is None
    assert not agent.watched()
    with app.test_request_context("/"):
        api.Api(agent, host).status()
    assert agent.watched()
