"""The metrics: each figure under its name, nothing twice, nothing unbounded, no side effects."""

from __future__ import annotations

from typing import Any

import prometheus_client
import pytest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from prometheus_client.registry import CollectorRegistry

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.channel_state import State
from octoprint_obico.server.errors import Attempt, ChannelError, Stage
from octoprint_obico.session.clock import Clock
from octoprint_obico.session.status import (
    ChannelStatus,
    ServerState,
    ServerStatus,
    Status,
    WebcamStatus,
)
from octoprint_obico.session.tracker import MOST_WEBCAMS, Tracker
from octoprint_obico.web import collector as m
from tests.promtool import MONITORING, promtool

START = 1_000_000.0
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
#: What Prometheus 2.42 and 3 send.
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
WELL = Status(
    ServerStatus(ServerState.OKAY, "up", START),
    ChannelStatus("okay", START, last_success_at=START, round_trip_s=0.25),
    ChannelStatus(State.CONNECTED.value, START, last_pong_at=START, round_trip_s=0.125),
    (WebcamStatus("classic", "okay", START),),
)


class World:
    """A session that a test lives through, and the doors and the host that show it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.tracker = Tracker(Clock(lambda: self.seconds, lambda: START + self.seconds))
        self.state = WELL

    def live(self, channel: str, *causes: Cause | None) -> None:
        """One attempt a minute, with these causes; None succeeds."""
        for cause in causes:
            self.seconds += 60.0
            if cause is None:
                self.tracker.record(Attempt.success(channel))
            else:
                error = ChannelError(cause, Stage.RESPONSE, "x")
                self.tracker.record(Attempt.failure(channel, error))

    # what a scrape may ask; anything else that it asks fails the test

    def session(self) -> Any:
        return self.tracker.session()

    def status(self) -> Status:
        return self.state

    def versions(self) -> dict[str, str]:
        return {"plugin": "3.0.0", "octoprint": "1.11.8", "python": "3.11.7"}

    def scrape(self, accept: str = "") -> tuple[str, str]:
        doors: Any = self
        registry = CollectorRegistry(auto_describe=False)
        registry.register(m.SessionCollector(doors, doors, lambda: START + self.seconds))
        body, content_type = m.encode(registry, accept)
        return body.decode("utf-8"), content_type

    def values(self) -> dict[str, float]:
        """All values by name and labels, as in the text but without its numbers' form."""
        return {shown(s): s.value for f in self.families() for s in f.samples}

    def families(self) -> list[Metric]:
        return list(plain_text(self.scrape()[0]))


def shown(sample: Any) -> str:
    labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}" if labels else str(sample.name)


@pytest.fixture
def world() -> World:
    return World()


def test_figures_have_their_names(world: World) -> None:
    world.live("http", None, None, Cause.SERVER_ERROR, Cause.DNS_TIMEOUT, Cause.DNS_TIMEOUT, None)
    values = world.values()
    figures = world.session().channel("http")
    expected = {
        "obico_attempts_total{channel=http}": 6,
        "obico_failed_attempts_total{channel=http}": 3,
        "obico_errors_total{cause=server_error,channel=http}": 1,
        "obico_errors_total{cause=dns_timeout,channel=http}": 2,
        "obico_episodes_total{channel=http}": figures.episodes,
        "obico_down_seconds_total{channel=http}": 180.0,
        "obico_observed_seconds_total{channel=http}": 300.0,
        "obico_availability_ratio{channel=http,window=session}": 0.4,
        "obico_availability_ratio{channel=http,window=24h}": 0.4,
        "obico_last_success_timestamp_seconds{channel=http}": START + 360.0,
        "obico_last_error_timestamp_seconds{channel=http}": START + 300.0,
        "obico_session_start_timestamp_seconds": START,
        "obico_time_seconds": START + 360.0,
        "obico_severity{part=server}": 2,
        "obico_linked": 1,
        "obico_channel_up{channel=http}": 1,
        "obico_channel_up{channel=websocket}": 1,
        "obico_channel_up{channel=webcam:classic}": 1,
        "obico_websocket_round_trip_seconds": 0.125,
        "obico_http_round_trip_seconds": 0.25,
        "obico_server_state{state=okay}": 1,
        "obico_server_state{state=disconnected}": 0,
        "obico_build_info{octoprint=1.11.8,version=3.0.0}": 1,
    }
    assert {key: values.get(key) for key in expected} == pytest.approx(expected)
    assert figures.episodes == 1
    assert not [key for key in values if key.startswith("obico_channel_failing")]


def test_counters_begin_with_zero(world: World) -> None:
    """Prometheus sees an increase only from a value that was there before it."""
    values = world.values()
    for channel in ("http", "websocket", "plugin", "webcam:classic"):
        for name in ("attempts", "failed_attempts", "episodes", "down_seconds"):
            assert values[f"obico_{name}_total{{channel={channel}}}"] == 0


def test_what_is_not_known_is_not_there(world: World) -> None:
    world.state = WELL._replace(
        http=ChannelStatus("unknown", None),
        webcams=(WebcamStatus("classic", "unknown"), WebcamStatus("none", "not_configured")),
    )
    names = "\n".join(world.values())
    for missing in ("last_success", "last_error", "availability", "severity", "http_round_trip"):
        assert missing not in names
    assert "obico_channel_up{channel=http}" not in names
    assert "obico_channel_up{channel=webcam" not in names


@pytest.mark.parametrize("state", list(ServerState))
def test_one_server_state_is_set(world: World, state: ServerState) -> None:
    world.state = WELL._replace(server=ServerStatus(state, "x", None))
    values = world.values()
    states = {s: values[f"obico_server_state{{state={s.value}}}"] for s in ServerState}
    assert states == {s: float(s is state) for s in ServerState}
    assert values["obico_linked"] == (state is not ServerState.NOT_LINKED)


@pytest.mark.parametrize("state", [s for s in State if s is not State.CONNECTED])
def test_failing_channels_tell_their_cause(world: World, state: State) -> None:
    world.state = Status(
        ServerStatus(ServerState.DISCONNECTED, "websocket_down", START),
        ChannelStatus("failing", START, Cause.CREDENTIALS_INVALID),
        ChannelStatus(state.value, START, Cause.WEBSOCKET_REFUSED),
        (WebcamStatus("classic", "error", START, Cause.WEBCAM_TIMED_OUT),),
    )
    values = world.values()
    failing = {key for key in values if key.startswith("obico_channel_failing")}
    assert failing == {
        "obico_channel_failing{cause=credentials_invalid,channel=http}",
        "obico_channel_failing{cause=websocket_refused,channel=websocket}",
        "obico_channel_failing{cause=webcam_timed_out,channel=webcam:classic}",
    }
    for channel in ("http", "websocket", "webcam:classic"):
        assert values[f"obico_channel_up{{channel={channel}}}"] == 0


def test_not_linked_is_not_down(world: World) -> None:
    """Nobody wants these channels: an alert for what is down would be false."""
    world.state = Status(
        ServerStatus(ServerState.NOT_LINKED, "not_linked", None, Cause.NOT_LINKED),
        ChannelStatus("unknown", None),
        ChannelStatus(State.STOPPED.value, None),
        (),
    )
    assert not [key for key in world.values() if key.startswith("obico_channel_up")]


@pytest.mark.parametrize(("errors", "value"), [(0, 0), (1, 1), (5, 2), (20, 3)])
def test_severity_is_the_place_in_the_row(world: World, errors: int, value: int) -> None:
    world.live("websocket", *[Cause.WEBSOCKET_RESET] * errors, *[None] * (20 - errors))
    assert world.values()["obico_severity{part=server}"] == value


ODD_NAMES = (
    'with "quotes" and \\',
    "two\nlines",
    "half a character \ud800",
    "\x1b[31m",
    "Küche 🎥",
    "a" * 5000,
    "a" * 5001,
    "",
)


@pytest.mark.parametrize("accept", ["", OPEN_METRICS], ids=["text", "openmetrics"])
def test_odd_webcam_names(world: World, accept: str) -> None:
    """Whatever a webcam is called, the scrape can be read, and no series is there twice."""
    for name in ODD_NAMES:
        world.live(f"webcam:{name}", Cause.WEBCAM_ERROR)
    webcams = tuple(WebcamStatus(name, "error", 1.0, Cause.WEBCAM_ERROR) for name in ODD_NAMES)
    world.state = WELL._replace(webcams=webcams)
    text, _ = world.scrape(accept)
    parse = open_metrics if accept else plain_text
    samples = [shown(s) for family in parse(text) for s in family.samples]
    assert len(samples) == len(set(samples))
    labels = {
        s.labels["channel"]
        for family in parse(text)
        for s in family.samples
        if "channel" in s.labels
    }
    assert all(len(label) <= m.LABEL_CAP and label.isprintable() for label in labels)
    assert "webcam:Küche 🎥" in labels


def test_labels_stay_different() -> None:
    labels = {m.channel_label(f"webcam:{name}") for name in ODD_NAMES}
    assert len(labels) == len(ODD_NAMES)
    assert m.channel_label("http") == "http"
    assert m.channel_label("webcam:" + "a" * 93) == "webcam:" + "a" * 93


def test_a_scrape_is_bounded(world: World) -> None:
    """Every channel there can be, with every cause there is, and far too many webcams."""
    for number in range(200):
        for cause in Cause:
            world.live(f"webcam:{number}", cause)
    for channel in ("http", "websocket", "plugin"):
        world.live(channel, *Cause)
    webcams = tuple(WebcamStatus(str(number), "okay") for number in range(200))
    world.state = WELL._replace(webcams=webcams)
    text, _ = world.scrape()
    assert len(world.values()) < (3 + 2 * MOST_WEBCAMS) * (len(Cause) + 20)
    assert len(text) < 200_000


@pytest.mark.parametrize(
    ("accept", "kind", "parse"),
    [
        ("", "text/plain; version=0.0.4", plain_text),
        ("*/*", "text/plain; version=0.0.4", plain_text),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain; version=0.0.4", plain_text),
        (OPEN_METRICS, "application/openmetrics-text", open_metrics),
        (PROMETHEUS_2, "application/openmetrics-text", open_metrics),
        (PROMETHEUS_3, "application/openmetrics-text", open_metrics),
        ("application/openmetrics-text;version=x", "", None),
        ("application/openmetrics-text;version=;q=", "", None),
        ("text/plain;version=1..0", "", None),
        ("\x00;;;,=", "", None),
    ],
)
def test_format_is_the_one_that_is_accepted(
    world: World, accept: str, kind: str, parse: Any
) -> None:
    """And no Accept header, however odd, is an error."""
    world.live("http", None, Cause.SERVER_ERROR)
    text, content_type = world.scrape(accept)
    assert content_type.startswith(kind)
    parse = parse or (open_metrics if "openmetrics" in content_type else plain_text)
    samples = {shown(s): s.value for family in parse(text) for s in family.samples}
    assert samples["obico_failed_attempts_total{channel=http}"] == 1


def test_the_librarys_own_registry_is_left_alone(world: World) -> None:
    world.scrape()
    assert b"obico" not in prometheus_client.generate_latest(prometheus_client.REGISTRY)
    assert not [name for name in world.values() if not name.startswith("obico_")]


def test_promtool_finds_nothing_to_complain_of(world: World) -> None:
    """Names, units and help texts as Prometheus wants them."""
    world.live("http", None, Cause.SERVER_ERROR, None)
    text, _ = world.scrape()
    assert promtool("check", "metrics", stdin=text.encode()) == ""


def test_each_metric_is_explained(world: World) -> None:
    """The table in docs/monitoring has each of them, and no others."""
    names = {
        line.split("`")[1].partition("{")[0]
        for line in (MONITORING / "README.md").read_text("utf-8").splitlines()
        if line.startswith("| `obico_")
    }
    specs = {
        spec.name + ("_total" if spec.family is CounterMetricFamily else "") for spec in m.METRICS
    }
    assert names == specs | {"obico_build_info"}
