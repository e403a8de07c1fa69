"""The printer's name, changed from here: what is sent, what is kept, and what goes wrong."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from octoprint_obico.agent import Agent
from octoprint_obico.host import LinkedPrinterInfo
from octoprint_obico.server import naming as n
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults
from octoprint_obico.server.http import PRINTER_PATH
from octoprint_obico.server.http_channel import HttpChannel
from sandbox import SandboxServer

from . import faults as f
from .hosts import FakeHost, running_agent
from .test_http_channel import channel_of

pytestmark = pytest.mark.usefixtures("impatient")

Serve = Callable[[f.Behaviour], f.FaultServer]
JSON = "Content-Type: application/json"
ME: dict[str, Any] = {
    "user": {"is_pro": False},
    "printer": {"id": 7, "name": "Old", "is_pro": False},
}


def problem(typed: str) -> str:
    with pytest.raises(n.NamingError) as caught:
        n.checked_name(typed)
    return str(caught.value.problem)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", "name_empty"),
        ("  \t\n ", "name_empty"),
        ("x" * 201, "name_too_long"),
        ("a\nb", "name_unfit"),
        ("a\x00b", "name_unfit"),
        ("a\x1b[2Jb", "name_unfit"),
        ("a\u2028b", "name_unfit"),
        ("half \ud83d", "name_unfit"),
    ],
)
def test_a_name_that_cannot_be_used(typed: str, expected: str) -> None:
    assert problem(typed) == expected


@pytest.mark.parametrize("typed", ["x", "x" * 200, "Ñandú 3 “d”", "<b>&", "打印机", "🖨️👩‍🔧"])
def test_a_name_as_people_give_it(typed: str) -> None:
    assert n.checked_name(f"  {typed}\n") == typed


@contextlib.contextmanager
def linked(server: SandboxServer) -> Iterator[tuple[Agent, FakeHost]]:
    host = FakeHost(server.url, server.printer.token)
    with running_agent(host) as agent:
        assert host.wait_for(lambda: host.settings.printer().name == server.printer.name)
        yield agent, host


def name(agent: Agent, host: FakeHost, typed: str) -> n.NameOutcome:
    """Start the naming and wait for its outcome."""
    run = agent.naming.start(typed)
    assert run is not None
    assert host.wait_for(lambda: agent.naming.state()[1] == "finished")
    found, _, outcome = agent.naming.state()
    assert found == run
    assert outcome is not None
    return outcome


def test_the_new_name_is_on_the_server_and_stored(sandbox: SandboxServer) -> None:
    """It goes as JSON: of a form the server would make the notation of a list."""
    with linked(sandbox) as (agent, host):
        assert agent.naming.state() == (None, "none", None)
        outcome = name(agent, host, "  Voron <2.4> “Ü”\n")
        assert (outcome.name, outcome.error) == ("Voron <2.4> “Ü”", None)
        assert sandbox.printer.name == "Voron <2.4> “Ü”"
        stored = LinkedPrinterInfo(sandbox.printer.id, "Voron <2.4> “Ü”")
        assert host.settings.printer() == stored
        assert host.wait_for(lambda: "name" in host.topics)
        sent = [request for request in sandbox.requests if request.method == "PATCH"]
        assert [(request.path, request.status) for request in sent] == [(PRINTER_PATH, 200)]


def test_what_goes_wrong_keeps_the_name(sandbox: SandboxServer) -> None:
    with linked(sandbox) as (agent, host):
        before = host.settings.printer()
        causes = {"http_500": "server_error", "revoked": "credentials_invalid"}
        for fault, cause in causes.items():
            sandbox.set_fault(fault)
            outcome = name(agent, host, "Another")
            assert outcome.error is not None
            assert outcome.error.problem.value == cause
            sandbox.clear()
        assert host.settings.printer() == before
        assert name(agent, host, "Another").name == "Another"


def test_without_a_link_there_is_nothing_to_name(sandbox: SandboxServer) -> None:
    with running_agent(FakeHost(sandbox.url, None)) as agent:
        with pytest.raises(n.NamingError) as caught:
            agent.naming.start("A name")
        assert caught.value.problem is n.NameProblem.NOT_LINKED
    assert sandbox.requests == []


# ---- the job -------------------------------------------------------------------------------------


class Job:
    """A naming job on channels of the test's own."""

    def __init__(
        self,
        channel: Callable[[], HttpChannel | None],
        take: Callable[[object], None] | None = None,
    ) -> None:
        self.seen: list[object] = []
        self.faults: list[Attempt] = []
        faults = Faults(self.faults.append, logging.getLogger("octoprint.plugins.obico"))
        self.host = FakeHost("", None)
        take = take or self.seen.append
        self.job = n.NameJob(channel, take, lambda: self.host.notify("name"), faults)

    def run(self, typed: str) -> n.NameOutcome:
        assert self.job.start(typed) is not None
        assert self.host.wait_for(lambda: self.job.state()[1] == "finished")
        outcome = self.job.state()[2]
        assert outcome is not None
        return outcome


def after_change(status: str, body: bytes) -> f.Behaviour:
    """A server that takes the change, and answers the question after it like this."""

    def serve(peer: f.Peer) -> None:
        while head := peer.read_head():
            if not head.startswith(b"PATCH"):
                peer.send(f.http_bytes(status, body, JSON))
                continue
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            assert json.loads(peer.read(length)) == {"name": "New"}
            peer.send(f.http_bytes("200 OK", json.dumps(ME).encode(), JSON))

    return serve


def test_the_stale_answer_is_not_taken(serve: Serve) -> None:
    """The answer to the change has the old name; what is read after it counts."""
    new = {**ME, "printer": {**ME["printer"], "name": "New"}}
    server = serve(after_change("200 OK", json.dumps(new).encode()))
    with channel_of(server.url) as channel:
        job = Job(lambda: channel)
        assert job.run("New").name == "New"
        assert job.seen == [new]


def test_what_was_sent_counts_where_it_cannot_be_read_again(serve: Serve) -> None:
    server = serve(after_change("503 Service Unavailable", b"{}"))
    with channel_of(server.url) as channel:
        job = Job(lambda: channel)
        assert job.run("New").name == "New"
        assert job.seen == [{**ME, "printer": {**ME["printer"], "name": "New"}}]


def test_a_link_made_meanwhile_keeps_its_own_name(serve: Serve) -> None:
    server = serve(after_change("200 OK", json.dumps(ME).encode()))
    with channel_of(server.url) as channel, channel_of(server.url) as other:
        channels = [channel, other]
        job = Job(lambda: channels.pop(0))
        outcome = job.run("New")
        assert outcome.error is not None
        assert outcome.error.problem is n.NameProblem.LINK_CHANGED
        assert job.seen == []


def test_one_at_a_time_and_bounded_in_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(n, "RENAME_TIMEOUT_S", 0.3)
    server = serve(f.silence)
    with channel_of(server.url) as channel:
        job = Job(lambda: channel)
        assert job.job.start("New") is not None
        assert job.job.start("Newer") is None
        assert job.host.wait_for(lambda: job.job.state()[1] == "finished")
        outcome = job.job.state()[2]
        assert outcome is not None and outcome.error is not None
        assert outcome.error.problem.value == "response_timed_out"


def test_a_fault_of_ours_has_an_outcome(sandbox: SandboxServer) -> None:
    def fail(answer: object) -> None:
        raise OSError("disk full")

    with channel_of(sandbox.url, sandbox.printer.token) as channel:
        job = Job(lambda: channel, fail)
        outcome = job.run("New")
        assert outcome.error is not None
        assert outcome.error.problem.value == "unknown_error"
        assert [fault.channel for fault in job.faults] == ["plugin"]
