"""Metrics for Prometheus: what was recorded in this session and what is true now, at each scrape.

Nothing is kept here and nothing is asked of the network: a scrape reads two immutable snapshots.
Names follow https://prometheus.io/docs/practices/naming/ (base units, `_total` for counters).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Union

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from ..host import Host
from ..server.channel_state import State
from ..server.http import CHANNEL as HTTP
from ..server.websocket import CHANNEL as WEBSOCKET
from ..session.figures import PLUGIN, SERVER, WEBCAM, Figures, Session
from ..session.report import SEVERITIES, severity
from ..session.status import ServerState, Status, WebcamStatus
from ..session.tracker import MOST_WEBCAMS
from .doors import Doors

LABEL_CAP = 100
"""Characters of a channel's label: webcams have names that people choose."""


@dataclass(frozen=True)
class Scene:
    """All that one scrape shows. channels: by label, those not tried yet as well."""

    session: Session
    status: Status
    channels: Mapping[str, Figures]
    now: float


Samples = Iterable[tuple[tuple[str, ...], Union[float, None]]]
"""Values with their labels; a value that is not known, None, is left out."""


@dataclass(frozen=True)
class MetricSpec:
    """One metric: its name without the suffix of its kind, and where its values come from."""

    family: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    text: str
    labels: tuple[str, ...]
    samples: Callable[[Scene], Samples]

    def read(self, scene: Scene) -> Metric:
        family = self.family(self.name, self.text, labels=self.labels)
        for labels, value in self.samples(scene):
            if value is not None:
                family.add_metric(labels, value)
        return family


def channel_label(channel: str) -> str:
    """A channel as a label: printable and bounded, and still another one for each channel."""
    clean = "".join(c if c.isprintable() else "?" for c in channel)
    if clean == channel and len(channel) <= LABEL_CAP:
        return channel
    digest = hashlib.sha256(channel.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{clean[: LABEL_CAP - len(digest) - 1]}~{digest}"


def scene_of(session: Session, status: Status, now: float) -> Scene:
    """Put together what a scrape shows.

    Channels that were not tried yet are there with zeros: the first error of a counter that begins
    with it would be no increase.
    """
    webcams = [f"webcam:{webcam.name}" for webcam in status.webcams[:MOST_WEBCAMS]]
    names = [HTTP, WEBSOCKET, PLUGIN, *webcams, *session.channels]
    figures = [session.channel(name) for name in names]
    return Scene(session, status, {channel_label(f.name): f for f in figures}, now)


def _webcams(scene: Scene) -> Iterable[tuple[str, WebcamStatus]]:
    """The webcams with the labels of their figures; of some that share one, the first."""
    webcams: dict[str, WebcamStatus] = {}
    for webcam in scene.status.webcams[:MOST_WEBCAMS]:
        figures = scene.session.channel(f"webcam:{webcam.name}")
        webcams.setdefault(channel_label(figures.name), webcam)
    return webcams.items()


def _each_channel(value: Callable[[Figures], float | None]) -> Callable[[Scene], Samples]:
    return lambda scene: [((label,), value(f)) for label, f in scene.channels.items()]


def _causes(scene: Scene) -> Samples:
    for label, figures in scene.channels.items():
        for cause, count in figures.causes.items():
            yield (label, cause.value), count


def _availability(scene: Scene) -> Samples:
    for label, figures in scene.channels.items():
        yield (label, "session"), figures.availability
        yield (label, "24h"), figures.availability_24h


def _up(scene: Scene) -> Samples:
    """1 and 0 for channels that are wanted; none for one that has nothing to say yet."""
    status = scene.status
    if status.server.state is not ServerState.NOT_LINKED:
        yield (HTTP,), {"okay": 1, "failing": 0}.get(status.http.state)
        yield (WEBSOCKET,), status.websocket.state == State.CONNECTED.value
    for label, webcam in _webcams(scene):
        yield (label,), {"okay": 1, "error": 0}.get(webcam.state)


def _failing(scene: Scene) -> Samples:
    status = scene.status
    if status.http.cause is not None:
        yield (HTTP, status.http.cause.value), 1
    if status.websocket.cause is not None and status.websocket.state != State.CONNECTED.value:
        yield (WEBSOCKET, status.websocket.cause.value), 1
    for label, webcam in _webcams(scene):
        if webcam.state == "error" and webcam.cause is not None:
            yield (label, webcam.cause.value), 1


def _server_state(scene: Scene) -> Samples:
    return [((state.value,), state is scene.status.server.state) for state in ServerState]


def _severity(scene: Scene) -> Samples:
    for part in (SERVER, WEBCAM):
        figures = scene.session.parts[part]
        if figures.attempts:
            yield (part,), SEVERITIES.index(severity(figures.attempts, figures.errors))


_CHANNEL = ("channel",)
METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        GaugeMetricFamily,
        "obico_linked",
        "Whether this OctoPrint is linked to a printer in Obico (1) or not (0).",
        (),
        lambda scene: [((), scene.status.server.state is not ServerState.NOT_LINKED)],
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_server_state",
        "The row Connection to server of the Plugin Status: 1 for the state that it is in.",
        ("state",),
        _server_state,
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_channel_up",
        "Whether the channel works now (1) or not (0).",
        _CHANNEL,
        _up,
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_channel_failing",
        "1 while the channel fails, with the cause of the most recent failure.",
        ("channel", "cause"),
        _failing,
    ),
    MetricSpec(
        CounterMetricFamily,
        "obico_attempts",
        "Finished attempts in this session, failed ones included.",
        _CHANNEL,
        _each_channel(lambda f: f.attempts),
    ),
    MetricSpec(
        CounterMetricFamily,
        "obico_failed_attempts",
        "Failed attempts in this session; 0 before the first.",
        _CHANNEL,
        _each_channel(lambda f: f.errors),
    ),
    MetricSpec(
        CounterMetricFamily,
        "obico_errors",
        "Failed attempts in this session by cause; a cause is there from its first error on.",
        ("channel", "cause"),
        _causes,
    ),
    MetricSpec(
        CounterMetricFamily,
        "obico_episodes",
        "Episodes in this session: errors close together count as one.",
        _CHANNEL,
        _each_channel(lambda f: f.episodes),
    ),
    MetricSpec(
        CounterMetricFamily,
        "obico_down_seconds",
        "Time in this session in which the last attempt had failed.",
        _CHANNEL,
        _each_channel(lambda f: f.down_s),
    ),
    MetricSpec(
        CounterMetricFamily,
        "obico_observed_seconds",
        "Time in this session in which the channel was either up or down.",
        _CHANNEL,
        _each_channel(lambda f: f.observed_s),
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_availability_ratio",
        "Part of the observed time in which the channel was up, 0 to 1.",
        ("channel", "window"),
        _availability,
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_last_success_timestamp_seconds",
        "When an attempt last succeeded, as Unix time.",
        _CHANNEL,
        _each_channel(lambda f: f.last_success_at),
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_last_error_timestamp_seconds",
        "When an attempt last failed, as Unix time.",
        _CHANNEL,
        _each_channel(lambda f: f.last_error_at),
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_websocket_round_trip_seconds",
        "From the last ping to its answer; not there while disconnected.",
        (),
        lambda scene: [((), scene.status.websocket.round_trip_s)],
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_http_round_trip_seconds",
        "From the last question over HTTP to the end of its answer, with the time that the server "
        "took; not there while HTTP fails.",
        (),
        lambda scene: [((), scene.status.http.round_trip_s)],
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_severity",
        "What the error rate of this session means: 0 harmless, 1 noticeable, 2 act, "
        "3 no connection at all.",
        ("part",),
        _severity,
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_session_start_timestamp_seconds",
        "When this session began (OctoPrint's start), as Unix time.",
        (),
        lambda scene: [((), scene.session.started_at)],
    ),
    MetricSpec(
        GaugeMetricFamily,
        "obico_time_seconds",
        "The clock of OctoPrint's computer at this scrape, as Unix time.",
        (),
        lambda scene: [((), scene.now)],
    ),
)


class SessionCollector(Collector):
    """Reads the snapshots anew for each scrape; `now` is the computer's clock in Unix seconds."""

    def __init__(self, doors: Doors, host: Host, now: Callable[[], float] = time.time) -> None:
        self._doors, self._host, self._now = doors, host, now

    def collect(self) -> Iterator[Metric]:
        versions = self._host.versions()
        yield InfoMetricFamily(
            "obico_build",
            "The versions of the plugin and of OctoPrint.",
            {"version": versions["plugin"], "octoprint": versions["octoprint"]},
        )
        scene = scene_of(self._doors.session(), self._doors.status(), self._now())
        for spec in METRICS:
            yield spec.read(scene)


def registry_of(doors: Doors, host: Host) -> CollectorRegistry:
    """An own registry: the library's default one tells of OctoPrint's whole process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SessionCollector(doors, host))
    return registry


def encode(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The metrics as bytes and their content type, for the value of an Accept header."""
    try:
        encoder, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # the library compares whatever stands there as a version
        encoder, content_type = choose_encoder("")
    return encoder(registry), content_type
