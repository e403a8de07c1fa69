"""What people are told of by themselves: when trouble matters, when it is over, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from octoprint_obico.server.causes import Cause
from octoprint_obico.session import status as s
from octoprint_obico.session.alerts import (
    ANEW_AFTER_S,
    HEALTH,
    OVER_SHOWN_S,
    STATUS,
    TOLD_EVERY_S,
    Alert,
    Alerts,
    Kind,
)
from octoprint_obico.session.figures import Failure, Figures, Session
from octoprint_obico.session.trouble import (
    MATTERS_AFTER_S,
    PLUGIN_WINDOW_S,
    SHAKY_MATTERS_AFTER_S,
)

TICK_S = 5.0
LIMIT_S = 5.0
QUIET_S = s.QUIET_S
UP, DOWN = s.ChannelStatus("connected", 0.0), "waiting"
DEFAULT = Cause.CONNECTION_TIMED_OUT


def figures(
    name: str, failed_at: Sequence[float], failing: bool, cause: Cause = DEFAULT
) -> Figures:
    """A channel's figures with these failures; `failing`: nothing has succeeded since."""
    recent = tuple(Failure(at, name, cause, "connect", "x", {"host": "h"}) for at in failed_at)
    last = recent[-1] if recent and failing else None
    since = recent[0].at if last else None
    return Figures(name, failing=last, failing_since=since, recent=recent)


@dataclass
class World:
    """A clock, the connections as they are, and what is told of them."""

    now: float = 10_000.0
    ws_cause: Cause | None = None
    http_cause: Cause | None = None
    http_failures: int = 2
    linked: bool = True
    printing: bool = False
    webcams: list[s.WebcamStatus] = field(default_factory=list)
    webcam_failures: int = 2
    plugin_failed_at: list[float] = field(default_factory=list)
    failed_at: dict[str, float] = field(default_factory=dict)
    alerts: Alerts = field(default_factory=lambda: Alerts("test"))
    topics: set[str] = field(default_factory=set)
    told: list[Alert] = field(default_factory=list)

    def tick(self, seconds: float = TICK_S) -> None:
        """Let time pass, then look."""
        self.now += seconds
        for name, cause in (("http", self.http_cause), ("websocket", self.ws_cause)):
            if cause is not None:
                self.failed_at[name] = self.now
        before = self.alerts.current
        status, session = self.status(), self.session()
        self.topics = set(self.alerts.observe(status, session, self.printing, self.now))
        current = self.alerts.current
        assert (STATUS in self.topics) or current == before
        if current is not None and (not self.told or self.told[-1] != current):
            self.told.append(current)

    def last(self, seconds: float) -> None:
        """Let so much time pass, looking all the while."""
        for _ in range(int(seconds / TICK_S)):
            self.tick()

    def status(self) -> s.Status:
        http = s.ChannelStatus("okay", 0.0)
        if self.http_cause is not None:
            http = s.ChannelStatus("failing", self.now - 1, self.http_cause, {"host": "h"})
        websocket = UP
        if self.ws_cause is not None:
            websocket = s.ChannelStatus(DOWN, self.now - 1, self.ws_cause, {"host": "h"})
        return s.Status(self.row(), http, websocket, tuple(self.webcams))

    def row(self) -> s.ServerStatus:
        if not self.linked:
            return s.ServerStatus(s.ServerState.NOT_LINKED, "not_linked", None, Cause.NOT_LINKED)
        if self.ws_cause is not None:
            state, cause = s.ServerState.DISCONNECTED, self.http_cause or self.ws_cause
            return s.ServerStatus(state, "websocket_down", self.now - 1, cause, {"host": "h"})
        if self.http_cause is not None:
            state = s.ServerState.ERROR
            return s.ServerStatus(state, "failing", self.now - 1, self.http_cause, {"host": "h"})
        if self.now - max(self.failed_at.values(), default=0.0) <= QUIET_S:
            return s.ServerStatus(s.ServerState.ERROR, "recovering", self.now - 1, DEFAULT)
        return s.ServerStatus(s.ServerState.OKAY, "up", 0.0)

    def session(self) -> Session:
        http, websocket = (
            [self.failed_at[name]] if name in self.failed_at else []
            for name in ("http", "websocket")
        )
        if self.http_cause is not None:
            http = [self.now - 1] * self.http_failures
        failing = self.http_cause is not None, self.ws_cause is not None
        channels = {
            "http": figures("http", http, failing[0], self.http_cause or DEFAULT),
            "websocket": figures("websocket", websocket, failing[1]),
            "plugin": figures("plugin", self.plugin_failed_at, True, Cause.UNKNOWN_ERROR),
        }
        for webcam in self.webcams:
            name, broken = f"webcam:{webcam.name}", webcam.state == "error"
            failed = [self.now - 1] * (self.webcam_failures if broken else 0)
            channels[name] = figures(name, failed, broken, Cause.WEBCAM_UNREACHABLE)
        return Session(0.0, self.now, channels, {})

    @property
    def current(self) -> Alert | None:
        return self.alerts.current

    @property
    def names(self) -> list[str]:
        """The channels in trouble that matters."""
        return [trouble.name for trouble in self.alerts.troubles]

    @property
    def ids(self) -> list[str]:
        """The ids so far, in the order in which they were told first."""
        return list(dict.fromkeys(alert.id for alert in self.told))


@pytest.fixture
def world() -> World:
    made = World()
    made.tick()
    assert made.topics == set()
    return made


def broken(name: str = "Cam", cause: Cause = Cause.WEBCAM_UNREACHABLE) -> s.WebcamStatus:
    return s.WebcamStatus(name, "error", 9_000.0, cause)


def raised(world: World) -> Alert:
    """The current alert, which goes on."""
    assert world.current is not None and not world.current.over
    return world.current


def ended(world: World) -> Alert:
    """The current alert, which is over."""
    assert world.current is not None and world.current.over
    return world.current


# ---- when trouble matters ------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["ws_cause", "http_cause"])
def test_a_glitch_is_not_told(world: World, channel: str) -> None:
    setattr(world, channel, DEFAULT)
    world.last(MATTERS_AFTER_S - TICK_S)
    setattr(world, channel, None)
    world.last(QUIET_S * 2)
    assert (world.told, world.names) == ([], [])


@pytest.mark.parametrize("channel", ["ws_cause", "http_cause"])
def test_lasting_trouble_is_told_once(world: World, channel: str) -> None:
    setattr(world, channel, DEFAULT)
    world.last(MATTERS_AFTER_S + TICK_S)
    alert = raised(world)
    assert (alert.kind, alert.cause, alert.over) == (Kind.SERVER, DEFAULT, False)
    world.last(TOLD_EVERY_S * 5)
    assert world.told == [alert]


def test_a_single_failed_question_is_not_trouble_however_long_no_other_is_asked(
    world: World,
) -> None:
    world.http_cause, world.http_failures = DEFAULT, 1
    world.last(SHAKY_MATTERS_AFTER_S * 2)
    assert (world.told, world.names) == ([], [])
    world.http_failures = 2
    world.tick()
    raised(world)


@pytest.mark.parametrize("cause", [Cause.CREDENTIALS_INVALID, Cause.CREDENTIALS_SHARED])
def test_what_no_waiting_mends_is_told_at_once(world: World, cause: Cause) -> None:
    world.http_cause, world.http_failures = cause, 1
    world.tick()
    assert raised(world).cause is cause
    assert world.names == ["http"]


def test_a_connection_that_never_stays_is_told_although_no_outage_is_long(world: World) -> None:
    passed = 0.0
    while not world.told:
        world.ws_cause = DEFAULT
        world.last(20)
        world.ws_cause = None
        world.last(40)
        passed += 60
        assert passed <= SHAKY_MATTERS_AFTER_S + 60
    assert passed >= SHAKY_MATTERS_AFTER_S
    for _ in range(30):
        world.ws_cause = DEFAULT
        world.last(20)
        world.ws_cause = None
        world.last(40)
    assert len(world.ids) == 1


def test_connecting_has_no_cause_yet_and_says_nothing(world: World) -> None:
    """At the start, and after a change of address."""
    status = world.status()
    row = s.ServerStatus(s.ServerState.DISCONNECTED, "connecting", world.now)
    down = s.ChannelStatus("connecting", world.now)
    for _ in range(100):
        world.now += TICK_S
        connecting = status._replace(server=row, websocket=down)
        topics = world.alerts.observe(connecting, world.session(), False, world.now)
        assert (topics, world.current) == (frozenset(), None)


# ---- when it is over -----------------------------------------------------------------------------


def test_the_end_is_told_when_the_row_is_okay_and_not_before(world: World) -> None:
    world.ws_cause = DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    alert = raised(world)
    world.ws_cause = None
    world.last(QUIET_S)
    assert raised(world) == alert
    world.tick()
    assert ended(world).id == alert.id
    assert ended(world).lasted_s == pytest.approx(MATTERS_AFTER_S + QUIET_S, abs=3 * TICK_S)
    world.last(OVER_SHOWN_S + TICK_S)
    assert world.current is None
    assert [told.over for told in world.told] == [False, True]


def test_the_page_hears_of_what_only_time_changes(world: World) -> None:
    """From "recovering" to Okay nothing happens on any channel."""
    world.ws_cause = DEFAULT
    world.tick()
    world.ws_cause = None
    world.last(QUIET_S)
    assert world.topics == set()
    world.tick()
    assert (world.topics, world.row().state) == ({STATUS}, s.ServerState.OKAY)


def test_a_relapse_is_a_part_of_what_was_told(world: World) -> None:
    world.ws_cause = DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    first = raised(world)
    world.ws_cause = None
    world.last(QUIET_S + ANEW_AFTER_S - 10 * TICK_S)
    assert world.current is None
    world.ws_cause = DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    assert raised(world).id == first.id


def test_trouble_after_a_good_while_is_new(world: World) -> None:
    world.ws_cause = DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    world.ws_cause = None
    world.last(QUIET_S + ANEW_AFTER_S + 2 * TICK_S)
    world.ws_cause = DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    raised(world)
    assert len(world.ids) == 2


def test_unlinking_ends_it_without_a_word(world: World) -> None:
    world.ws_cause = DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    world.linked = False
    world.tick()
    assert (world.current, world.names) == (None, [])
    assert STATUS in world.topics


def test_another_cause_is_the_same_alert_in_other_words(world: World) -> None:
    world.ws_cause = DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    first = raised(world)
    world.ws_cause = Cause.DNS_TIMEOUT
    world.tick()
    assert (raised(world).id, raised(world).cause) == (first.id, Cause.DNS_TIMEOUT)
    assert world.topics == {STATUS, HEALTH}


def test_that_somebody_has_to_link_again_is_told_beside_an_outage(world: World) -> None:
    world.ws_cause = DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    first = raised(world)
    world.http_cause = Cause.CREDENTIALS_INVALID
    world.tick()
    second = raised(world)
    assert second.id != first.id
    world.http_cause = None
    world.last(60)
    assert raised(world).id == second.id


Stretch = tuple[bool, int]
stretches = st.lists(
    st.tuples(st.booleans(), st.integers(min_value=1, max_value=1500)), min_size=1, max_size=25
)
FLAPPING: list[Stretch] = [(up, 70 if not up else 130) for _ in range(60) for up in (False, True)]
RARE: list[Stretch] = [(up, 70 if not up else 800) for _ in range(10) for up in (False, True)]


@settings(max_examples=150, deadline=None)
@given(stretches)
@example(FLAPPING)
@example(RARE)
def test_no_sequence_of_outages_makes_a_chain(sequence: list[Stretch]) -> None:
    """Long trouble is told, okay ends it, and what comes back soon is told once an hour at most."""
    world, bad_s = World(), 0.0
    told_at: dict[str, float] = {}
    over_at: float | None = None
    gap = float("inf")
    for up, length in sequence:
        world.ws_cause = None if up else DEFAULT
        for _ in range(max(1, int(length / TICK_S))):
            before = world.current
            was_okay = world.row().state is s.ServerState.OKAY
            world.tick()
            bad_s = 0.0 if up else bad_s + TICK_S
            okay = world.row().state is s.ServerState.OKAY
            if was_okay and not okay:
                gap = float("inf") if over_at is None else world.now - over_at
            alert = world.current
            ongoing = alert is not None and not alert.over
            assert not (okay and ongoing)
            assert ongoing or bad_s <= MATTERS_AFTER_S
            if alert is None or alert.over:
                if before is not None and not before.over:
                    over_at = world.now
                continue
            if alert.id not in told_at:
                recent = [world.now - at for at in told_at.values()]
                assert not recent or min(recent) >= TOLD_EVERY_S or gap >= ANEW_AFTER_S
                told_at[alert.id] = world.now


def test_flapping_for_hours_is_told_once_an_hour() -> None:
    """The example above is no empty one."""
    world = World()
    for up, length in FLAPPING:
        world.ws_cause = None if up else DEFAULT
        world.last(length)
    hours = (world.now - 10_000.0) / 3600
    assert 2 <= len(world.ids) <= hours + 1
    assert sum(1 for alert in world.told if alert.over) > 20


# ---- webcams -------------------------------------------------------------------------------------


def test_a_webcam_is_told_of_only_while_printing(world: World) -> None:
    world.webcams = [broken()]
    world.last(3600)
    assert (world.told, world.names) == ([], [])
    world.printing = True
    world.last(MATTERS_AFTER_S + TICK_S)
    assert (raised(world).kind, raised(world).subject) == (Kind.WEBCAM, "Cam")
    assert world.names == ["webcam:Cam"]


def test_a_webcam_goes_on_to_be_told_of_after_the_print(world: World) -> None:
    """That nobody needs it just now does not mend it."""
    world.webcams, world.printing = [broken()], True
    world.last(MATTERS_AFTER_S + TICK_S)
    world.printing = False
    world.last(600)
    raised(world)
    world.webcams = [s.WebcamStatus("Cam", "okay", 0.0)]
    world.tick()
    ended(world)


def test_one_missed_picture_is_a_glitch(world: World) -> None:
    world.webcams, world.printing, world.webcam_failures = [broken()], True, 1
    world.last(SHAKY_MATTERS_AFTER_S * 2)
    assert (world.told, world.names) == ([], [])


def test_only_the_webcam_whose_pictures_are_sent_is_told_of(world: World) -> None:
    """The others are looked at seldom during a print; the Health Check shows them."""
    first = s.WebcamStatus("First", "okay", 0.0)
    unused = s.WebcamStatus("Unused", "not_configured")
    world.webcams, world.printing = [unused, first, broken("Second")], True
    world.last(MATTERS_AFTER_S + TICK_S)
    assert (world.told, world.names) == ([], ["webcam:Second"])
    world.webcams[1] = broken("First")
    world.last(MATTERS_AFTER_S + TICK_S)
    assert raised(world).subject == "First"


def test_the_server_comes_first_and_the_webcam_after_it(world: World) -> None:
    world.webcams, world.printing, world.ws_cause = [broken()], True, DEFAULT
    world.last(MATTERS_AFTER_S + TICK_S)
    server = raised(world)
    world.last(600)
    assert world.told == [server]
    world.ws_cause = None
    world.last(QUIET_S + TICK_S)
    assert ended(world) == world.told[-1]
    world.last(OVER_SHOWN_S + TICK_S)
    assert raised(world).kind is Kind.WEBCAM
    assert len(world.ids) == 2


def test_a_webcam_that_is_taken_out_is_forgotten(world: World) -> None:
    world.webcams, world.printing = [broken()], True
    world.last(MATTERS_AFTER_S + TICK_S)
    world.webcams = []
    world.tick()
    assert (world.current, world.names) == (None, [])
    world.webcams = [broken()]  # OctoPrint could not list them for a moment
    world.last(MATTERS_AFTER_S + TICK_S)
    raised(world)
    assert len(world.ids) == 1


# ---- the Health Check ----------------------------------------------------------------------------


def test_each_channel_is_in_trouble_by_itself(world: World) -> None:
    world.ws_cause = world.http_cause = DEFAULT
    world.last(MATTERS_AFTER_S)
    assert world.topics == set()
    world.tick()
    assert (world.names, HEALTH in world.topics) == (["http", "websocket"], True)
    world.tick()
    assert world.topics == set()
    world.http_cause = None
    world.last(QUIET_S)
    assert world.names == ["http", "websocket"]
    world.tick(2 * TICK_S)
    assert world.names == ["websocket"]
    world.ws_cause = None
    world.last(QUIET_S + TICK_S)
    assert world.names == []


def test_the_plugins_own_faults_are_over_after_an_hour_without_one(world: World) -> None:
    world.plugin_failed_at = [world.now]
    world.last(SHAKY_MATTERS_AFTER_S * 2)
    assert world.names == []
    world.plugin_failed_at = [world.now - 60, world.now]
    world.tick()
    assert (world.names, world.told) == (["plugin"], [])
    world.last(PLUGIN_WINDOW_S + TICK_S)
    assert world.names == []
