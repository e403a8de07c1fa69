"""Which resolvers are asked, and what their answers mean together."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from octoprint_obico.diagnosis.resolver_inquiry import Answer, is_multicast
from octoprint_obico.diagnosis.resolver_judge import judge, listed
from octoprint_obico.diagnosis.resolver_query import Reply, Said
from octoprint_obico.diagnosis.resolvers import Origin, Resolver, read_resolvers
from octoprint_obico.server.causes import Cause

# ---- resolv.conf -------------------------------------------------------------------------------

CONFIGURATIONS = {
    "": ["127.0.0.1"],
    "nameserver 192.168.1.1\n": ["192.168.1.1"],
    "search lan\nnameserver\t192.168.1.1   # the router\noptions edns0": ["192.168.1.1"],
    "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4": [
        "1.1.1.1",
        "2.2.2.2",
        "3.3.3.3",
    ],
    "nameserver 1.1.1.1\nnameserver 1.1.1.1\n": ["1.1.1.1"],
    "nameserver fe80::1%eth0\nnameserver 2001:db8::1": ["fe80::1%eth0", "2001:db8::1"],
    "# nameserver 1.1.1.1\n;nameserver 2.2.2.2\n nameserver 3.3.3.3\n": ["127.0.0.1"],
    "nameserver\nnameserver example.com\nnameservers 1.1.1.1\n\xff\x00": ["127.0.0.1"],
}


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_the_configured_resolvers(text: str, tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text, encoding="latin-1")
    found = read_resolvers(file, tmp_path / "absent")
    assert [resolver.ip for resolver in found] == CONFIGURATIONS[text]
    assumed = CONFIGURATIONS[text] == ["127.0.0.1"]
    origin = Origin.ASSUMED if assumed else Origin.CONFIGURED
    assert {resolver.origin for resolver in found} == {origin}
    assert {resolver.port for resolver in found} == {53}


def test_no_configuration_at_all(tmp_path: Path) -> None:
    found = read_resolvers(tmp_path / "absent", tmp_path)
    assert found == (Resolver("127.0.0.1", origin=Origin.ASSUMED),)
    assert read_resolvers(tmp_path, tmp_path) == found, "a folder in its place"


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("nameserver 127.0.0.53\n", ["127.0.0.53", "192.168.1.1", "9.9.9.9"]),
        ("nameserver 127.0.0.53\nnameserver 1.1.1.1\n", ["127.0.0.53", "1.1.1.1"]),
    ],
)
def test_the_resolvers_behind_systemd(configured: str, expected: list[str], tmp_path: Path) -> None:
    """Only where programs ask nobody else."""
    stub, behind = tmp_path / "stub", tmp_path / "behind"
    stub.write_text(configured, encoding="ascii")
    behind.write_text("nameserver 192.168.1.1\nnameserver 9.9.9.9\n", encoding="ascii")
    found = read_resolvers(stub, behind)
    assert [resolver.ip for resolver in found] == expected
    behind.unlink()
    alone = [r.ip for r in found if r.origin is Origin.CONFIGURED]
    assert [resolver.ip for resolver in read_resolvers(stub, behind)] == alone


def test_how_a_resolver_is_shown_and_reached() -> None:
    assert Resolver("192.168.1.1").shown == "192.168.1.1"
    assert Resolver("127.0.0.1", 5353).shown == "127.0.0.1:5353"
    assert Resolver("::1", 5353).shown == "[::1]:5353"
    assert Resolver("::1").sockaddr() == ("::1", 53, 0, 0)
    assert Resolver("fe80::1%7").sockaddr() == ("fe80::1", 53, 0, 7)
    index, name = socket.if_nameindex()[0]
    assert Resolver(f"fe80::1%{name}").sockaddr()[3] == index
    with pytest.raises(OSError) as caught:
        Resolver("fe80::1%nosuchif").sockaddr()
    assert caught.value.errno == errno.ENODEV


# ---- names -------------------------------------------------------------------------------------


def test_names_that_no_resolver_knows() -> None:
    assert is_multicast("octopi.local") and is_multicast("Octopi.LOCAL.")
    assert not is_multicast("local.example") and not is_multicast("octopi.lan")


# ---- one resolver's two replies ----------------------------------------------------------------

REPLIES = {
    "address": Reply(Said.ADDRESSES, "192.0.2.1", 1, ("192.0.2.1",)),
    "nx": Reply(Said.NOT_FOUND, "NXDOMAIN"),
    "empty": Reply(Said.EMPTY, "no address"),
    "fail": Reply(Said.FAILURE, "SERVFAIL"),
    "silent": Reply(Said.SILENT, "no answer"),
    "refused": Reply(Said.REFUSED, "port refuses"),
    "no route": Reply(Said.NO_ROUTE, "no route"),
}


def answer(
    said: str, aaaa: str = "", *, ip: str = "192.168.1.1", origin: Origin = Origin.CONFIGURED
) -> Answer:
    return Answer(Resolver(ip, origin=origin), (REPLIES[said], REPLIES[aaaa or said]))


@pytest.mark.parametrize(
    ("a", "aaaa", "together"),
    [
        ("address", "fail", Said.ADDRESSES),
        ("empty", "address", Said.ADDRESSES),
        ("nx", "address", Said.ADDRESSES),
        ("nx", "nx", Said.NOT_FOUND),
        ("nx", "silent", Said.NOT_FOUND),
        ("nx", "fail", Said.NOT_FOUND),
        ("empty", "nx", Said.EMPTY),
        ("empty", "fail", Said.FAILURE),
        ("empty", "silent", Said.EMPTY),
        ("silent", "fail", Said.FAILURE),
        ("silent", "refused", Said.SILENT),
        ("no route", "refused", Said.REFUSED),
    ],
)
def test_what_two_replies_mean_together(a: str, aaaa: str, together: Said) -> None:
    assert answer(a, aaaa).said is together
    assert answer(aaaa, a).said is together


def test_what_an_answer_shows() -> None:
    both, apart = answer("nx"), answer("address", "fail")
    assert (both.text, apart.text) == ("NXDOMAIN", "A: 192.0.2.1, AAAA: SERVFAIL")
    assert apart.addresses == ["192.0.2.1"]
    assert apart.evidence == {
        "server": "192.168.1.1",
        "origin": "configured",
        "A": "192.0.2.1",
        "AAAA": "SERVFAIL",
        "ms": 1,
    }
    assert listed([both, apart]) == (
        "192.168.1.1 (NXDOMAIN), 192.168.1.1 (A: 192.0.2.1, AAAA: SERVFAIL)"
    )
    assert listed([answer("refused", origin=Origin.ASSUMED)]) == "none configured"
    assert listed([]) == ""


# ---- the judge ---------------------------------------------------------------------------------

AGAIN, NONAME = Cause.DNS_TIMEOUT, Cause.DNS_NAME_NOT_FOUND

JUDGED = {
    ("nx",): "dns_name_not_found",
    ("silent", "nx"): "dns_name_not_found",
    ("fail", "nx"): "dns_name_not_found",
    ("nx", "address"): "dns_name_not_found",
    ("empty",): "dns_no_address",
    ("empty", "nx"): "dns_no_address",
    ("nx", "empty"): "dns_name_not_found",
    ("refused", "empty"): "dns_no_address",
    ("fail",): "dns_server_failure",
    ("fail", "silent"): "dns_server_failure",
    ("silent", "fail"): "dns_server_failure",
    ("refused", "fail"): "dns_server_failure",
    ("silent",): "dns_timeout",
    ("silent", "refused"): "dns_timeout",
    ("silent", "no route"): "dns_timeout",
    ("refused",): "dns_unavailable",
    ("refused", "refused"): "dns_unavailable",
    ("no route", "refused"): "dns_unavailable",
    ("no route", "no route"): "network_down",
}


@pytest.mark.parametrize("said", JUDGED, ids="+".join)
@pytest.mark.parametrize("os_cause", [AGAIN, NONAME, Cause.DNS_NO_ADDRESS])
def test_the_resolvers_decide(said: tuple[str, ...], os_cause: Cause) -> None:
    """Whatever the system says: "try again" and "unknown" stand for nearly everything."""
    assert judge(os_cause, [answer(word) for word in said]).value == JUDGED[said]


@pytest.mark.parametrize("os_cause", [AGAIN, NONAME, Cause.DNS_NO_ADDRESS, Cause.DNS_BLOCKED])
def test_the_system_decides_where_the_resolvers_know_the_name(os_cause: Cause) -> None:
    assert judge(os_cause, [answer("address")]) is os_cause
    assert judge(os_cause, [answer("silent"), answer("address")]) is os_cause
    assert judge(os_cause, [answer("address", "silent")]) is os_cause


def test_a_question_that_failed_explains_a_temporary_failure_only() -> None:
    for answers in ([answer("address", "fail")], [answer("fail"), answer("address")]):
        assert judge(AGAIN, answers) is Cause.DNS_SERVER_FAILURE
        assert judge(NONAME, answers) is NONAME


@pytest.mark.parametrize("said", ["nx", "silent", "fail"])
def test_a_blocked_name_stays_blocked(said: str) -> None:
    assert judge(Cause.DNS_BLOCKED, [answer(said)]) is Cause.DNS_BLOCKED


@pytest.mark.parametrize("os_cause", [AGAIN, NONAME])
def test_without_answers_the_system_decides(os_cause: Cause) -> None:
    assert judge(os_cause, []) is os_cause


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("refused", "dns_unavailable"),
        ("silent", "dns_unavailable"),
        ("fail", "dns_server_failure"),
        ("nx", "dns_name_not_found"),
    ],
)
def test_none_is_configured(said: str, cause: str) -> None:
    assert judge(AGAIN, [answer(said, ip="127.0.0.1", origin=Origin.ASSUMED)]).value == cause


@pytest.mark.parametrize(
    ("stub", "behind", "cause"),
    [
        ("fail", "silent", "dns_timeout"),
        ("fail", "refused", "dns_unavailable"),
        ("fail", "no route", "network_down"),
        ("silent", "fail", "dns_server_failure"),
        ("silent", "silent", "dns_timeout"),
        ("fail", "address", "dns_server_failure"),  # e.g. its own check of signatures
        ("fail", "nx", "dns_server_failure"),
        ("silent", "address", "dns_timeout"),
        ("refused", "address", "dns_unavailable"),
        ("refused", "silent", "dns_unavailable"),
        ("nx", "address", "dns_name_not_found"),
        ("empty", "silent", "dns_no_address"),
    ],
)
def test_the_resolver_of_systemd_passes_failures_on(stub: str, behind: str, cause: str) -> None:
    answers = [
        answer(stub, ip="127.0.0.53"),
        answer(behind, origin=Origin.UPSTREAM),
    ]
    assert judge(AGAIN, answers).value == cause
