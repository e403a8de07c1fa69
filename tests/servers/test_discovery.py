"""Discovery against the sandbox's server, and against servers that misbehave."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from octoprint_obico import discovery_keeper
from octoprint_obico.agent import Agent
from octoprint_obico.diagnosis.local import network
from octoprint_obico.server import discovery as d
from octoprint_obico.server.address import Address, parse_address
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults
from octoprint_obico.server.linking import LinkJob
from octoprint_obico.server.trust import NO_EXTRA
from sandbox import SandboxServer

from . import faults as f
from .hosts import FakeHost, running_agent
from .live import AGENT

Serve = Callable[[f.Behaviour], f.FaultServer]
LIMIT_S = 20.0
PERIOD_S = 0.05
FIELDS: Mapping[str, Any] = {"host_or_ip": "192.168.1.5", "port": 5000, "agent": "octoprint_obico"}
JSON = "Content-Type: application/json"
log = logging.getLogger("octoprint.plugins.obico.link")


class Finder:
    """A discovery with everything that it asks and tells, and a clock that can be put forward."""

    def __init__(self, url: str) -> None:
        self.target: Address | None = parse_address(url)
        self.fields: Mapping[str, Any] | None = FIELDS
        self.ahead_s = 0.0
        self.codes: list[tuple[Address, str]] = []
        self.faults: list[Attempt] = []
        self.changed = threading.Condition()
        self.changes = 0
        hooks = d.Hooks(
            target=lambda: self.target,
            trust=lambda address: NO_EXTRA,
            fields=lambda address: self.fields,
            on_code=self._on_code,
            on_change=self._on_change,
        )
        self.discovery = d.Discovery(
            hooks, AGENT, Faults(self.faults.append, log), clock=self.now, period_s=PERIOD_S
        )

    def now(self) -> float:
        return time.monotonic() + self.ahead_s

    def _on_code(self, address: Address, code: str) -> None:
        with self.changed:
            self.codes.append((address, code))
            self.changed.notify_all()

    def _on_change(self) -> None:
        with self.changed:
            self.changes += 1
            self.changed.notify_all()

    @property
    def device_id(self) -> str:
        return self.discovery.identity.device_id

    @property
    def secret(self) -> str:
        return self.discovery.identity.secret

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until it holds; looked at often, for not all of it is announced."""
        end = time.monotonic() + LIMIT_S
        with self.changed:
            while not condition():
                assert time.monotonic() < end, "not in time"
                self.changed.wait(0.02)


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "obico-discovery"]


@pytest.fixture
def finder(sandbox: SandboxServer) -> Iterator[Finder]:
    found = Finder(sandbox.url)
    yield found
    found.discovery.stop(LIMIT_S)
    assert threads() == []


def asked(server: SandboxServer) -> int:
    return len([each for each in server.requests if each.path == d.UNLINKED_PATH])


# ---- announcing ----------------------------------------------------------------------------------


def test_it_announces_again_and_again(sandbox: SandboxServer, finder: Finder) -> None:
    assert not finder.discovery.running
    finder.discovery.open()
    assert sandbox.wait_for(lambda: asked(sandbox) >= 4, LIMIT_S)
    finder.wait(lambda: finder.discovery.running)
    (seen,) = sandbox.announced()
    assert seen.fields == {"device_id": finder.device_id, **FIELDS}
    assert not any(each.token_sent for each in sandbox.requests)
    assert finder.changes == 1, "it is told once, not with each announcement"
    assert threads() == ["obico-discovery"]


def test_its_pace_is_far_from_the_servers_limit() -> None:
    """3600 an hour from one address, remembered for 4 s (PROTOCOL 2.7, 2.8)."""
    assert 2.0 <= d.PERIOD_S <= 3.0
    assert d.WINDOW_S / d.PERIOD_S <= 3600 / 10


def test_it_ends_when_its_time_is_over(sandbox: SandboxServer, finder: Finder) -> None:
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)
    assert finder.discovery.secret_for(finder.device_id) == finder.secret
    finder.ahead_s += d.WINDOW_S
    finder.wait(lambda: not finder.discovery.running)
    finder.wait(lambda: threads() == [])
    assert finder.discovery.secret_for(finder.device_id) is None
    before = asked(sandbox)
    finder.discovery.look()
    assert sandbox.wait_for(lambda: asked(sandbox) > before, LIMIT_S)
    assert sandbox.announced()[0].device_id == finder.device_id, "the same until OctoPrint restarts"


def test_a_page_that_stays_open_is_one_look(sandbox: SandboxServer, finder: Finder) -> None:
    finder.discovery.look()
    finder.wait(lambda: finder.discovery.running)
    for _ in range(int(d.WINDOW_S / 30) + 2):
        finder.ahead_s += 30
        finder.discovery.look()
    finder.wait(lambda: threads() == [])
    before = asked(sandbox)
    finder.discovery.look()
    assert threads() == []
    assert asked(sandbox) == before
    finder.ahead_s += d.SAME_LOOK_S
    finder.discovery.look()
    assert sandbox.wait_for(lambda: asked(sandbox) > before, LIMIT_S)


def test_who_has_the_secret_is_given_time(finder: Finder) -> None:
    """The app has it at the last moment: its message is still fetched."""
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)
    finder.ahead_s += d.WINDOW_S - 5
    assert finder.discovery.secret_for(finder.device_id) == finder.secret
    finder.ahead_s += d.HANDSHAKE_S - 5
    assert finder.discovery.secret_for(finder.device_id) == finder.secret


@pytest.mark.parametrize("given", [None, "", "0" * 32, 7, [], "\udcff", "x" * 100_000])
def test_who_does_not_know_the_device_gets_nothing(finder: Finder, given: object) -> None:
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)
    assert finder.discovery.secret_for(given) is None
    assert finder.discovery.secret_for(finder.secret) is None


def test_without_a_local_network_nothing_is_announced(
    sandbox: SandboxServer, finder: Finder
) -> None:
    finder.fields = None
    finder.discovery.open()
    finder.wait(lambda: finder.discovery._due > finder.now() + d.NO_ADDRESS_S / 2)
    assert (asked(sandbox), finder.discovery.running) == (0, False)
    finder.fields = FIELDS
    finder.ahead_s += d.NO_ADDRESS_S
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)


def test_not_wanted_is_no_thread(sandbox: SandboxServer, finder: Finder) -> None:
    finder.target = None
    finder.discovery.open()
    finder.discovery.look()
    assert threads() == []
    assert finder.discovery.secret_for(finder.device_id) is None
    assert asked(sandbox) == 0


def test_no_longer_wanted_ends_it_at_once(sandbox: SandboxServer, finder: Finder) -> None:
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)
    finder.target = None
    assert finder.discovery.secret_for(finder.device_id) is None
    finder.discovery.open()
    finder.wait(lambda: threads() == [])
    assert not finder.discovery.running


def test_another_address_is_announced_to(sandbox: SandboxServer, finder: Finder) -> None:
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)
    with SandboxServer() as other:
        finder.target = parse_address(other.url)
        finder.discovery.open()
        assert other.wait_for(lambda: asked(other) >= 2, LIMIT_S)
        finder.discovery.stop(LIMIT_S)


# ---- messages ------------------------------------------------------------------------------------


def test_a_message_with_our_secret_links(sandbox: SandboxServer, finder: Finder) -> None:
    finder.discovery.open()
    code = sandbox.send_verify_code(finder.device_id, finder.secret)
    finder.wait(lambda: finder.codes)
    assert finder.codes == [(finder.target, code)]


def test_other_messages_are_passed_over(
    sandbox: SandboxServer, finder: Finder, caplog: pytest.LogCaptureFixture
) -> None:
    """Told once; and neither the secret nor a guess at it is in what is told."""
    caplog.set_level(logging.DEBUG)
    guess = "ab" * 32
    for _ in range(7):
        sandbox.send_verify_code(finder.device_id, guess)
    finder.discovery.open()
    good = sandbox.send_verify_code(finder.device_id, finder.secret)
    finder.wait(lambda: finder.codes)
    assert [code for _, code in finder.codes] == [good]
    warnings = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert finder.secret not in caplog.text
    assert guess not in caplog.text
    assert good not in caplog.text


def reply(**message: Any) -> bytes:
    return json.dumps({"messages": [message]}).encode()


def test_no_more_than_three_messages_count(serve: Serve, impatient: None) -> None:
    """A reply has three at the most (PROTOCOL 2.7), however many are in it."""
    found: list[Finder] = []

    def behave(peer: f.Peer) -> None:
        ours = {"device_id": found[0].device_id, "type": "verify_code"}
        messages = [
            {**ours, "data": {"code": f"10000{number}", "secret": found[0].secret}}
            for number in range(9)
        ]
        body = json.dumps({"messages": messages}).encode()
        peer.read_head()
        peer.send(f.http_bytes("200 OK", body, JSON))
        peer.finish()

    server = serve(behave)
    found.append(Finder(server.url))
    found[0].discovery.open()
    found[0].wait(lambda: found[0].codes)
    found[0].discovery.stop(LIMIT_S)
    assert len(found[0].codes) % d._MOST_MESSAGES == 0
    assert {code for _, code in found[0].codes} == {"100000", "100001", "100002"}


DEEP = b"[" * 30_000 + b"]" * 30_000
ODD = {
    "page": f.answer("200 OK", b"<html>log in</html>", "Content-Type: text/html"),
    "list": f.answer("200 OK", b"[]", JSON),
    "null": f.answer("200 OK", b"null", JSON),
    "no messages": f.answer("200 OK", b"{}", JSON),
    "messages are no list": f.answer("200 OK", b'{"messages": {"0": 1}}', JSON),
    "deep": f.answer("200 OK", b'{"messages": ' + DEEP + b"}", JSON),
    "huge": f.answer("200 OK", b'{"messages": [' + b'"x",' * 200_000 + b'"x"]}', JSON),
    "cut off": f.truncated(b'{"messages": []', 100),
    "not UTF-8": f.answer("200 OK", b'{"messages": ["\xff\xfe"', JSON),
    "redirect": f.answer("307 Temporary Redirect", b"", "Location: http://127.0.0.1:9/x"),
    "error": f.answer("500 Internal Server Error", b"<html>oops</html>"),
    "unknown": f.answer("404 Not Found", b"<html>no</html>"),
    "no HTTP": f.banner(),
    "closed": f.close_after_request,
    "reset": f.reset_at_once,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_replies_end_nothing(serve: Serve, impatient: None, name: str) -> None:
    """It goes on trying, at the pace of trouble; no code comes of it, and no fault of ours."""
    server = serve(ODD[name])
    finder = Finder(server.url)
    finder.discovery.open()
    assert server.wait_for(lambda: server.connections + len(server.heads) >= 4, LIMIT_S)
    finder.discovery.stop(LIMIT_S)
    assert finder.codes == []
    assert finder.faults == []
    assert not finder.discovery.running


ODD_MESSAGES: tuple[Any, ...] = (
    *(None, 7, "x", [], {}, {"type": "verify_code"}, {"type": "verify_code", "data": None}),
    *({"type": "verify_code", "data": []}, {"type": ["verify_code"], "data": {}}),
    {"device_id": {}, "type": "verify_code", "data": {"code": {}, "secret": {}}},
    {"device_id": "\ud800", "type": "verify_code", "data": {"code": "\ud800", "secret": "\ud800"}},
)


@pytest.mark.parametrize("message", ODD_MESSAGES, ids=lambda value: repr(value)[:30])
def test_odd_messages_end_nothing(serve: Serve, message: Any) -> None:
    body = json.dumps({"messages": [message]}).encode()
    server = serve(f.answer("200 OK", body, JSON))
    finder = Finder(server.url)
    finder.discovery.open()
    assert server.wait_for(lambda: len(server.heads) >= 3, LIMIT_S)
    assert finder.discovery.running
    finder.discovery.stop(LIMIT_S)
    assert (finder.codes, finder.faults) == ([], [])


# ---- trouble -------------------------------------------------------------------------------------


def test_the_server_goes_and_comes_back(
    sandbox: SandboxServer, finder: Finder, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)
    sandbox.set_fault("unreachable")
    finder.wait(lambda: not finder.discovery.running)
    assert finder.discovery.secret_for(finder.device_id) == finder.secret, "the app may be at it"
    sandbox.clear()
    finder.wait(lambda: finder.discovery.running)
    finder.discovery.stop(LIMIT_S)
    told = [each for each in caplog.messages if "Cannot announce" in each]
    causes = {each.rpartition(": ")[2] for each in told}
    assert causes and len(told) <= 2 * len(causes), "not with each attempt"


def test_too_many_calls_are_not_repeated(sandbox: SandboxServer, finder: Finder) -> None:
    """What the server has asked for (30 s here) holds, whatever page is opened meanwhile."""
    sandbox.set_fault("http_429")
    finder.discovery.open()
    assert sandbox.wait_for(lambda: asked(sandbox) == 1, LIMIT_S)
    finder.wait(lambda: finder.discovery._due >= finder.now() + 25)
    sandbox.clear()
    finder.discovery.open()
    finder.wait(lambda: not finder.discovery._is_new)  # it has looked at the settings again
    finder.discovery.look()
    assert finder.discovery._due >= finder.now() + 20
    assert (asked(sandbox), finder.discovery.running) == (1, False)
    finder.ahead_s += 400
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)


def test_too_many_calls_outlive_the_window(sandbox: SandboxServer, finder: Finder) -> None:
    sandbox.set_fault("http_429")
    finder.discovery.open()
    finder.wait(lambda: finder.discovery._due >= finder.now() + 25)
    finder.discovery._until = finder.now()
    finder.discovery._wake.set()
    finder.wait(lambda: threads() == [])
    finder.discovery.look()
    finder.wait(lambda: finder.discovery._client is not None)
    assert finder.discovery._due >= finder.now() + 20
    assert asked(sandbox) == 1


def test_saved_settings_end_the_wait_after_a_fault(sandbox: SandboxServer, finder: Finder) -> None:
    """Whoever has mended the address or the certificate is not kept waiting."""
    sandbox.set_fault("http_500")
    finder.discovery.open()
    finder.wait(lambda: finder.discovery._last_cause is not None)
    finder.discovery._due = finder.now() + 3600  # as after many failures
    sandbox.clear()
    finder.discovery.open()
    finder.wait(lambda: finder.discovery.running)


def test_it_is_stopped_in_the_midst_of_a_call(serve: Serve) -> None:
    server = serve(f.silence)
    finder = Finder(server.url)
    finder.discovery.open()
    assert server.wait_for(lambda: server.connections == 1, LIMIT_S)
    started = time.monotonic()
    finder.discovery.stop(0.5)
    assert time.monotonic() - started < 2.0
    finder.discovery.open()
    finder.discovery.look()
    finder.wait(lambda: threads() == [])
    assert finder.discovery.secret_for(finder.device_id) is None
    assert finder.codes == []


def test_a_code_that_comes_too_late_is_not_used(serve: Serve) -> None:
    """Linked by a code while the server's answer was on its way."""
    found: list[Finder] = []
    may_answer = threading.Event()

    def behave(peer: f.Peer) -> None:
        peer.read_head()
        assert may_answer.wait(LIMIT_S)
        data = {"code": "123456", "secret": found[0].secret}
        body = reply(device_id=found[0].device_id, type="verify_code", data=data)
        peer.send(f.http_bytes("200 OK", body, JSON))
        peer.finish()

    server = serve(behave)
    found.append(Finder(server.url))
    found[0].discovery.open()
    assert server.wait_for(lambda: len(server.heads) == 1, LIMIT_S)
    found[0].target = None
    may_answer.set()
    found[0].wait(lambda: threads() == [])
    assert found[0].codes == []
    found[0].discovery.stop(LIMIT_S)


def test_a_fault_of_ours_is_recorded_and_stops_with_the_rest(finder: Finder) -> None:
    def fail(address: Address) -> Mapping[str, Any]:
        raise ValueError("of the test")

    finder.discovery._hooks = finder.discovery._hooks._replace(fields=fail)
    finder.discovery.open()
    finder.wait(lambda: finder.faults)
    assert finder.faults[0].facts["part"] == "discovery"
    started = time.monotonic()
    finder.discovery.stop(LIMIT_S)
    assert time.monotonic() - started < 2.0


def test_a_computer_without_a_thread_left(finder: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        finder.discovery.open()
    assert len(finder.faults) == 1
    finder.discovery.look()
    finder.wait(lambda: finder.discovery.running)


# ---- in the whole plugin -------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announcements follow each other quickly."""
    made = d.Discovery

    def make(hooks: d.Hooks, user_agent: str, faults: Faults) -> d.Discovery:
        return made(hooks, user_agent, faults, period_s=PERIOD_S)

    monkeypatch.setattr(d, "Discovery", make)


@pytest.fixture
def unlinked(sandbox: SandboxServer, quick: None) -> FakeHost:
    host = FakeHost(sandbox.url, None)
    host.settings.stored_discovery = True
    return host


def secret_of(agent: Agent, server: SandboxServer) -> tuple[str, str]:
    """What the app has after the pop-up."""
    assert server.wait_for(lambda: bool(server.announced()), LIMIT_S)
    device_id = server.announced()[0].device_id
    secret = agent.discovery.secret_for(device_id)
    assert secret is not None
    return device_id, secret


def test_the_agent_is_linked(sandbox: SandboxServer, unlinked: FakeHost) -> None:
    with running_agent(unlinked) as agent:
        device_id, secret = secret_of(agent, sandbox)
        assert unlinked.wait_for(lambda: agent.discovery.running, LIMIT_S)
        sandbox.send_verify_code(device_id, secret, sandbox.printer.id)
        assert sandbox.wait_for(lambda: sandbox.agent_connected, LIMIT_S)
        assert unlinked.settings.stored_token == sandbox.printer.token
        assert unlinked.settings.address == sandbox.url
        assert unlinked.settings.stored_printer.name == sandbox.printer.name
        assert unlinked.wait_for(lambda: agent.linking.state()[1] == "finished", LIMIT_S)
        outcome = agent.linking.state()[2]
        assert outcome is not None and outcome.printer is not None
        assert {"link", "status"} <= set(unlinked.topics)
        assert unlinked.wait_for(lambda: threads() == [], LIMIT_S)
        assert agent.discovery.secret_for(device_id) is None
        assert not agent.discovery.running
        before = asked(sandbox)
        agent.discovery.look()
        agent.discovery.open()
        assert (asked(sandbox), threads()) == (before, [])


def test_a_code_that_the_server_refuses(sandbox: SandboxServer, unlinked: FakeHost) -> None:
    """One attempt; what was there stays, and another attempt of the app is taken."""
    with running_agent(unlinked) as agent:
        device_id, secret = secret_of(agent, sandbox)
        sandbox._discovery.send_verify_code(device_id, "000000", secret)
        assert unlinked.wait_for(lambda: agent.linking.state()[1] == "finished", LIMIT_S)
        assert unlinked.settings.stored_token is None
        sandbox.send_verify_code(device_id, secret, sandbox.printer.id)
        assert sandbox.wait_for(lambda: sandbox.agent_connected, LIMIT_S)
    verified = [each for each in sandbox.requests if "verify" in each.path]
    assert [each.status for each in verified] == [404, 200]


def test_linked_by_a_code_meanwhile(sandbox: SandboxServer, unlinked: FakeHost) -> None:
    with running_agent(unlinked) as agent:
        device_id, _ = secret_of(agent, sandbox)
        agent.linking.start(sandbox.url, sandbox.new_code(sandbox.printer.id))
        assert sandbox.wait_for(lambda: sandbox.agent_connected, LIMIT_S)
        assert unlinked.wait_for(lambda: threads() == [], LIMIT_S)
        assert agent.discovery.secret_for(device_id) is None


def test_a_code_while_another_is_checked(
    sandbox: SandboxServer, unlinked: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user types a code just then: the app's is passed over, and nothing breaks."""
    asked_for = threading.Event()

    def busy(job: LinkJob, address: str, code: object) -> str | None:
        asked_for.set()
        return None

    monkeypatch.setattr(LinkJob, "start", busy)
    with running_agent(unlinked) as agent:
        device_id, secret = secret_of(agent, sandbox)
        sandbox.send_verify_code(device_id, secret)
        assert asked_for.wait(LIMIT_S)
        before = asked(sandbox)
        assert sandbox.wait_for(lambda: asked(sandbox) > before + 1, LIMIT_S)
        assert unlinked.settings.stored_token is None


@pytest.mark.parametrize(("token", "is_on"), [(None, False), ("0" * 20, True), ("0" * 20, False)])
def test_linked_or_switched_off_it_is_not_even_loaded(
    sandbox: SandboxServer, token: str | None, is_on: bool
) -> None:
    host = FakeHost(sandbox.url, token)
    host.settings.stored_discovery = is_on
    with running_agent(host) as agent:
        agent.discovery.look()
        assert agent.discovery._discovery is None
        assert agent.discovery.secret_for("0" * 32) is None
    assert asked(sandbox) == 0


def test_switched_off_and_on(sandbox: SandboxServer, unlinked: FakeHost) -> None:
    with running_agent(unlinked) as agent:
        device_id, _ = secret_of(agent, sandbox)
        unlinked.settings.stored_discovery = False
        agent.reconfigure()
        assert unlinked.wait_for(lambda: threads() == [], LIMIT_S)
        assert agent.discovery.secret_for(device_id) is None
        unlinked.settings.stored_discovery = True
        agent.reconfigure()
        assert unlinked.wait_for(lambda: agent.discovery.running, LIMIT_S)
        assert sandbox.announced()[0].device_id == device_id


def test_the_agent_stops_while_it_announces(serve: Serve, quick: None) -> None:
    server = serve(f.silence)
    host = FakeHost(server.url, None)
    host.settings.stored_discovery = True
    agent = Agent(host, "3.0.0")
    started = time.monotonic()
    agent.start()
    assert time.monotonic() - started < 1.0
    assert server.wait_for(lambda: server.connections == 1, LIMIT_S)
    started = time.monotonic()
    agent.stop()
    assert time.monotonic() - started < 2.0
    agent.discovery.look()
    assert host.wait_for(lambda: threads() == [], LIMIT_S)


def test_nothing_waits_for_a_server_that_hangs(serve: Serve, quick: None) -> None:
    """What OctoPrint's request workers and its start call, while a call to the server hangs."""
    server = serve(f.silence)
    host = FakeHost(server.url, None)
    host.settings.stored_discovery = True
    with running_agent(host) as agent:
        assert server.wait_for(lambda: server.connections == 1, LIMIT_S)
        calls: tuple[Callable[[], object], ...] = (
            agent.discovery.look,
            agent.discovery.open,
            agent.reconfigure,
            agent.status,
            lambda: agent.discovery.running,
            lambda: agent.discovery.secret_for("0" * 32),
        )
        for call in calls:
            assert min(_seconds(call) for _ in range(3)) < 0.05
        assert server.connections == 1, "it hung all the while"


def _seconds(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def test_an_address_that_cannot_be_used(quick: None) -> None:
    host = FakeHost("http://bad:port", None)
    host.settings.stored_discovery = True
    with running_agent(host) as agent:
        agent.discovery.look()
        assert threads() == []


NETWORK = network.Network(
    (
        network.Interface("lo2", ("10.9.9.9/8",)),
        network.Interface("wlan0", ("8.8.8.8/24", "192.168.7.7/24", "fd00::7/64")),
    ),
    *("192.168.7.1", "wlan0", True),
)


@pytest.mark.parametrize(
    ("url", "found", "expected"),
    [
        ("https://app.obico.io", NETWORK, "192.168.7.7"),
        ("http://127.0.0.1:3334", NETWORK, "192.168.7.7"),
        ("http://127.0.0.1:3334", network.Network((), None, None, False), "127.0.0.1"),
        ("http://localhost:3334", network.Network((), None, None, False), "127.0.0.1"),
        ("https://app.obico.io", network.Network((), None, None, False), None),
        (
            "https://app.obico.io",
            network.Network((network.Interface("eth0", ("8.8.8.8/24",)),), None, "eth0", False),
            None,
        ),
    ],
)
def test_what_is_told_of_this_computer(
    monkeypatch: pytest.MonkeyPatch, url: str, found: network.Network, expected: str | None
) -> None:
    monkeypatch.setattr(network, "read_network", lambda: found)
    agent = Agent(FakeHost(url, None), "3.0.0")
    fields = agent.discovery._fields(parse_address(url))
    if expected is None:
        assert fields is None
        return
    assert fields is not None
    assert fields["host_or_ip"] == expected
    assert (fields["port"], fields["agent"], fields["meta"]) == (5000, "octoprint_obico", {})
    texts = set(fields) - {"port", "meta"}
    assert {"hostname", "os", "arch", "rpi_model", "octopi_version", "printerprofile"} < texts
    assert all(isinstance(fields[name], str) for name in texts)
    assert max(len(fields[name]) for name in texts) <= discovery_keeper._LONGEST_TEXT
    json.dumps(fields)
