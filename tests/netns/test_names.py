"""Name resolution, with a real resolver in the operating system and real name servers to fail."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest

from tests.provoked import provokes

from .judging import assert_fails, assert_works
from .lab import CLOSED_RESOLVER, NAME, NOBODY, ROUTER, SERVER, SILENT_RESOLVER, Lab


class Answer(NamedTuple):
    """What the name server makes of a name, and what is to be said of it."""

    host: str
    cause: str
    words: tuple[str, ...] = ()


ANSWERS = {
    "NXDOMAIN": Answer("missing.example", "dns_name_not_found"),
    "no address": Answer("empty.example", "dns_no_address"),
    "SERVFAIL": Answer("servfail.example", "dns_server_failure"),
    "REFUSED": Answer("obico.refused", "dns_server_failure"),
    "0.0.0.0": Answer("zero.example", "dns_blocked", ("0.0.0.0",)),
    "127.0.0.1": Answer("home.example", "dns_blocked", ("127.0.0.1",)),
}


@pytest.mark.parametrize(
    "answer",
    [pytest.param(answer, marks=provokes(answer.cause)) for answer in ANSWERS.values()],
    ids=ANSWERS,
)
def test_what_the_name_server_answers(lab: Lab, answer: Answer) -> None:
    result = lab.diagnose(f"http://{answer.host}")
    assert_fails(result, answer.cause, answer.host, *answer.words)


@pytest.mark.parametrize("host", ["zero.example", "home.example"])
@provokes("dns_blocked")
def test_a_blocked_name_is_not_taken_for_what_listens_on_this_computer(lab: Lab, host: str) -> None:
    """OctoPrint's own web server is at port 80 of most printers' computers."""
    serving = (
        "import http.server as h\n"
        "server = h.HTTPServer(('127.0.0.1', 80), h.SimpleHTTPRequestHandler)\n"
        "print('ready', flush=True)\n"
        "server.serve_forever()"
    )
    web_server = lab.client.start(sys.executable, "-c", serving, folder=lab.folder)
    web_server.line()
    try:
        assert_fails(lab.diagnose(f"http://{host}"), "dns_blocked", host)
    finally:
        web_server.stop()


RESOLVERS = {
    "silent, and its machine off": ((SILENT_RESOLVER, NOBODY), "dns_timeout"),
    "port closed": ((CLOSED_RESOLVER,), "dns_unavailable"),
    "none configured": ((), "dns_unavailable"),
}


@pytest.mark.parametrize(
    ("resolvers", "cause"),
    [pytest.param(*row, marks=provokes(row[1])) for row in RESOLVERS.values()],
    ids=RESOLVERS,
)
def test_a_name_server_that_does_not_work(lab: Lab, resolvers: tuple[str, ...], cause: str) -> None:
    lab.resolvers(*resolvers)
    named = resolvers if cause == "dns_unavailable" else ()
    assert_fails(lab.diagnose(f"http://{NAME}"), cause, NAME, *named)


def test_the_second_name_server_is_enough(lab: Lab) -> None:
    """The operating system asks it after 5 s (resolv.conf(5), timeout), for each connection anew.

    So it is for a single name server whose first answer gets lost.
    """
    lab.resolvers(SILENT_RESOLVER, ROUTER)
    assert_works(lab.diagnose(f"http://{NAME}"))


def test_a_name_in_the_hosts_file_needs_no_name_server(lab: Lab) -> None:
    lab.resolvers(CLOSED_RESOLVER)
    lab.client.write_etc("hosts", f"127.0.0.1 localhost\n{SERVER} printers.home\n")
    try:
        assert_works(lab.diagnose("http://printers.home"))
    finally:
        lab.client.write_etc("hosts", "127.0.0.1 localhost\n")
