"""When pictures are posted, which, and what the server's answers to them mean."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from octoprint_obico.printer.current import is_paused
from octoprint_obico.server.address import parse_address
from octoprint_obico.server.http_channel import HttpChannel
from octoprint_obico.webcam import poster as p
from octoprint_obico.webcam.poster import Demand, SnapshotPoster, interval
from octoprint_obico.webcam.snapshot import Webcam, url_webcam
from sandbox import SandboxServer, SandboxWebcam

from . import faults as f
from .hosts import FakeHost, running_agent
from .live import AGENT, TOKEN, Records
from .pictures import frame, made_up, real

Serve = Callable[[f.Behaviour], f.FaultServer]
QUIET_S = 0.4
CAM = "webcam:Cam"
IDLE, PRINTING = Demand(), Demand(printing=True)
WATCHED = PRINTING._replace(should_watch=True)


@pytest.mark.parametrize(
    ("demand", "seconds"),
    [
        (IDLE, None),
        (Demand(viewing=True, should_watch=True), None),
        (PRINTING, 120.0),
        (WATCHED, 10.0),
        (PRINTING._replace(viewing=True), 10.0),
        (WATCHED._replace(viewing=True), 10.0),
        (PRINTING._replace(paused=True), 120.0),
        (WATCHED._replace(paused=True), 120.0),  # detection looks at no paused print
        (PRINTING._replace(paused=True, viewing=True), 10.0),
        (Demand(paused=True, viewing=True), None),
    ],
)
def test_the_rhythm(demand: Demand, seconds: float | None) -> None:
    """PROTOCOL section 9."""
    assert interval(demand) == seconds


@pytest.mark.parametrize(
    ("flags", "paused"),
    [
        ({"printing": True}, False),
        ({"paused": True}, True),
        ({"paused": True, "printing": True}, True),  # OctoPrint 2.0
        ({"pausing": True, "printing": True}, False),
        ({"paused": True, "resuming": True}, False),
        (None, False),
        ("paused", False),
    ],
)
def test_when_a_print_stands_still(flags: Any, paused: bool) -> None:
    assert is_paused({"state": {"flags": flags}}) is paused
    assert not is_paused({})
    assert not is_paused({"state": None})


class Counted(Records):
    """Records that also know whether any more come."""

    def forget(self) -> None:
        with self._changed:
            self._attempts.clear()

    def more_than(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self._attempts) > count, QUIET_S)


class Scene:
    """A poster, the demand as a test sets it, and what was recorded."""

    def __init__(self, url: str, token: str, webcams: Sequence[Webcam]) -> None:
        self.demand, self.records = IDLE, Counted()
        self.channel = HttpChannel(
            parse_address(url), token, AGENT, self.records.record, lambda *change: None
        )
        self.poster = SnapshotPoster(
            lambda: webcams,
            lambda: self.channel,
            lambda: self.demand,
            lambda: False,
            self.records.record,
            lambda: None,
            lambda channel: None,
        )

    def let(self, demand: Demand, *, boost: bool = False) -> None:
        """The demand is another from now on."""
        self.demand = demand
        self.poster.nudge(boost=boost)


@contextlib.contextmanager
def scene(url: str, token: str, *webcams: Webcam) -> Iterator[Scene]:
    made = Scene(url, token, webcams)
    made.poster.start()
    try:
        # each webcam is looked at when it begins, and then not for minutes
        looked_at = [webcam for webcam in webcams if webcam.take is not None]
        made.records.wait_for(lambda seen: len(seen) == len(looked_at))
        made.records.forget()
        yield made
    finally:
        made.poster.stop(5.0)
        made.channel.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred times the usual rhythm."""
    usual = p.interval

    def quicker(demand: Demand) -> float | None:
        every = usual(demand)
        return None if every is None else every / 100

    monkeypatch.setattr(p, "interval", quicker)
    monkeypatch.setattr(p, "TURN_S", 0.02)


def cam(webcam: SandboxWebcam, name: str = "Cam") -> Webcam:
    return url_webcam(name, webcam.snapshot_url)


def given(name: str, jpeg: bytes) -> Webcam:
    return Webcam(name, None, lambda: [jpeg])


def posted(server: SandboxServer, count: int) -> None:
    assert server.wait_for(lambda: len(server.pictures) >= count, f.LIMIT_S)


def nothing_more(server: SandboxServer) -> None:
    """No further picture, though many would be due meanwhile."""
    count = len(server.pictures)
    assert not server.wait_for(lambda: len(server.pictures) > count + 1, QUIET_S)


@pytest.mark.usefixtures("quick")
def test_a_print_from_its_start_to_its_end(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    with scene(sandbox.url, sandbox.printer.token, cam(webcam)) as now:
        now.let(Demand(viewing=True, should_watch=True))
        nothing_more(sandbox)
        assert sandbox.pictures == [], "none while idle, whoever looks on"
        now.let(WATCHED)
        posted(sandbox, 3)
        assert not any(picture.viewing_boost for picture in sandbox.pictures)
        now.let(WATCHED._replace(paused=True, viewing=True))
        before = len(sandbox.pictures) + 1  # one may be under way
        posted(sandbox, before + 2)
        assert all(picture.viewing_boost for picture in sandbox.pictures[before:]), "for viewers"
        now.let(IDLE)
        nothing_more(sandbox)
    assert {(picture.is_primary_camera, picture.format) for picture in sandbox.pictures} == {
        (True, "JPEG")
    }


def test_one_for_each_viewer_who_comes(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    viewing = Demand(viewing=True)
    with scene(sandbox.url, sandbox.printer.token, cam(webcam)) as now:
        now.let(viewing, boost=True)
        posted(sandbox, 1)
        now.let(viewing)
        now.let(IDLE, boost=True)  # who has left again needs none
        assert not sandbox.wait_for(lambda: len(sandbox.pictures) > 1, QUIET_S)
        now.let(viewing, boost=True)
        posted(sandbox, 2)
    assert [picture.viewing_boost for picture in sandbox.pictures] == [True, True]


def test_repeated_flags_bring_no_picture(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    """The whole plugin: `viewing` is told anew whenever a viewer comes or goes."""
    host = FakeHost(sandbox.url, sandbox.printer.token, [cam(webcam)])
    with running_agent(host):
        sandbox.wait_for(lambda: sandbox.agent_connected, f.LIMIT_S)
        sandbox.set_remote_status(viewing=True)
        posted(sandbox, 1)
        for _ in range(3):
            sandbox.set_remote_status(viewing=True)
        sandbox.set_remote_status(should_watch=True)
        assert not sandbox.wait_for(lambda: len(sandbox.pictures) > 1, QUIET_S)
        sandbox.set_remote_status(viewing=False)
        sandbox.set_remote_status(viewing=True)
        posted(sandbox, 2)


def test_another_server_has_other_viewers(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    host = FakeHost(sandbox.url, sandbox.printer.token, [cam(webcam)])
    with running_agent(host) as agent, SandboxServer() as other:
        sandbox.wait_for(lambda: sandbox.agent_connected, f.LIMIT_S)
        sandbox.set_remote_status(viewing=True, should_watch=True)
        posted(sandbox, 1)
        host.settings.address, host.settings.stored_token = other.url, other.printer.token
        agent.reconfigure()
        assert other.wait_for(lambda: other.agent_connected, f.LIMIT_S)
        assert not agent._current_demand().viewing
        assert not agent._current_demand().should_watch


@pytest.mark.usefixtures("quick")
def test_only_the_primary_is_posted(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    """The server would throw others away (PROTOCOL 2.4); the first that gives pictures is it."""
    off, other = Webcam("Off", None, None), given("Other", made_up(b"x", 99, 99))
    with scene(sandbox.url, sandbox.printer.token, off, cam(webcam), other) as now:
        now.let(WATCHED)
        posted(sandbox, 3)
    assert {(picture.width, picture.is_primary_camera) for picture in sandbox.pictures} == {
        (640, True)
    }


@pytest.mark.usefixtures("quick")
def test_a_broken_webcam_posts_nothing_and_heals(
    sandbox: SandboxServer, webcam: SandboxWebcam
) -> None:
    webcam.set_fault("corrupt")
    with scene(sandbox.url, sandbox.printer.token, cam(webcam)) as now:
        now.let(WATCHED)
        now.records.wait_for(lambda all_: len(all_) >= 3)
        assert sandbox.pictures == []
        webcam.clear()
        posted(sandbox, 1)
    assert {(item.channel, str(item.cause)) for item in now.records.attempts if not item.ok} == {
        (CAM, "webcam_corrupt")
    }


def test_a_large_picture_is_posted_small(sandbox: SandboxServer) -> None:
    large = real(2592, 1944)
    with scene(sandbox.url, sandbox.printer.token, given("Cam", large)) as now:
        now.let(WATCHED)
        posted(sandbox, 1)
    (picture,) = sandbox.pictures
    assert (picture.width, picture.height) == (1280, 960)
    assert picture.size < len(large) / 2


def test_so_is_one_for_an_event() -> None:
    large, handed, done = real(2592, 1944), [], threading.Event()

    def take(jpeg: bytes | None) -> None:
        handed.append(len(jpeg or b""))
        done.set()

    with scene("http://127.0.0.1:9", TOKEN, given("Cam", large)) as now:
        now.poster.take_for(take)
        assert done.wait(f.LIMIT_S)
    assert 0 < handed[0] < len(large) / 2


# ---- what the server answers -------------------------------------------------------------------


def replying(status: str, body: bytes = b"", *headers: str) -> f.Behaviour:
    """A server that reads each request to its end before it answers."""

    def behave(peer: f.Peer) -> None:
        while head := peer.read_head():
            length = re.search(rb"(?i)content-length: (\d+)", head)
            peer.read(int(length.group(1)) if length else 0)
            peer.send(f.http_bytes(status, body, *headers))

    return behave


def test_a_picture_that_the_server_cannot_open_is_the_webcams_fault(sandbox: SandboxServer) -> None:
    """400 "Corrupted image.": nothing is wrong with the connection."""
    odd = made_up(b"x").replace(b"\x00\x0b\x08", b"\x00\x0b\x0c")  # 12 bits for a colour
    with scene(sandbox.url, sandbox.printer.token, given("Cam", odd)) as now:
        now.let(WATCHED)
        now.records.wait_for(lambda all_: len(all_) >= 2)
    assert [(item.channel, item.ok, str(item.cause)) for item in now.records.attempts] == [
        ("http", True, "None"),
        (CAM, False, "webcam_corrupt"),
    ]
    facts = now.records.attempts[1].facts
    assert (facts["webcam"], facts["status"]) == ("Cam", 400)
    assert facts["looks_like"]
    assert now.channel.snapshot().error is None


def test_another_400_is_not(serve: Serve) -> None:
    """One without the server's words, as of a proxy or without a picture."""
    with scene(serve(replying("400 Bad Request")).url, TOKEN, given("Cam", made_up(b"x"))) as now:
        now.let(WATCHED)
        now.records.wait_for(lambda all_: len(all_) >= 2)
    assert [(item.channel, item.ok) for item in now.records.attempts] == [
        ("http", False),
        (CAM, True),
    ]


@pytest.mark.usefixtures("quick")
def test_too_many_pictures_pause(serve: Serve) -> None:
    """429 without a body and a time: one is refused, and the next comes in another minute."""
    server = serve(replying("429 Too Many Requests"))
    with scene(server.url, TOKEN, given("Cam", made_up(b"x"))) as now:
        now.poster._hold._wall = lambda: 1_800_000_000.0  # a minute begins
        now.let(WATCHED)
        now.records.wait_for(lambda all_: len(all_) >= 2)
        now.let(WATCHED._replace(viewing=True), boost=True)
        assert not now.records.more_than(2)
        assert [str(item.cause) for item in now.records.attempts] == ["throttled", "None"]
        now.poster.look_now()  # another link
        now.records.wait_for(lambda all_: len(all_) > 2)


@pytest.mark.usefixtures("quick")
def test_a_failing_detection_service_holds_nothing_back(serve: Serve) -> None:
    """500 while printing (PROTOCOL 12)."""
    html = "Content-Type: text/html"
    server = serve(replying("500 Internal Server Error", b"<html>", html))
    with scene(server.url, TOKEN, given("Cam", made_up(b"x"))) as now:
        now.let(WATCHED)
        now.records.wait_for(lambda all_: len(all_) >= 6)
    seen = {(item.channel, str(item.cause)) for item in now.records.attempts}
    assert seen == {("http", "server_error"), (CAM, "None")}


@pytest.mark.usefixtures("quick")
def test_a_refused_token_is_not_hammered(sandbox: SandboxServer) -> None:
    sandbox.set_fault("revoked")
    with scene(sandbox.url, sandbox.printer.token, given("Cam", made_up(b"x"))) as now:
        now.let(WATCHED)
        now.records.wait_for(lambda all_: len(all_) >= 2)
        assert not now.records.more_than(2)


def test_a_frame_of_the_made_up_picture() -> None:
    """Else the picture of 12 bits above would be one of 8."""
    assert frame(640, 480)[2:5] == b"\x00\x0b\x08"
