"""The checks of the local half, with real commands, real files and real connections."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octoprint_obico.diagnosis.checks import network as network_check
from octoprint_obico.diagnosis.checks.findings import Findings
from octoprint_obico.diagnosis.checks.gateway import check_gateway
from octoprint_obico.diagnosis.checks.latency import check_latency
from octoprint_obico.diagnosis.checks.loss import check_loss
from octoprint_obico.diagnosis.checks.network import check_network
from octoprint_obico.diagnosis.checks.power import check_power
from octoprint_obico.diagnosis.checks.wifi import check_wifi
from octoprint_obico.diagnosis.local import commands, network, power, router, wifi
from octoprint_obico.diagnosis.local.line import Line, Sample
from octoprint_obico.diagnosis.local.network import Interface, Network
from octoprint_obico.diagnosis.result import CheckResult, Finding, Outcome
from octoprint_obico.server.address import parse_address
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.proxy import parse_proxy
from octoprint_obico.server.transport import Target
from sandbox import SandboxServer
from tests.provoked import provokes

from .results import run

HOME = Network((Interface("wlan0", ("192.0.2.5/24",)),), "192.0.2.1", "wlan0", False)


@pytest.fixture
def known() -> Findings:
    findings = Findings("http://127.0.0.1", None, "test", None, address=parse_address("127.0.0.1"))
    name = Finding(Outcome.SKIPPED, "")
    findings.progress.note(CheckResult("dns", "", name, 0, 0))  # what the router's check waits for
    return findings


def told(finding: Finding) -> tuple[str, str | None, str]:
    """Outcome, cause and the summary in words."""
    cause = finding.cause.value if finding.cause else None
    json.dumps(dict(finding.evidence))
    return finding.outcome.value, cause, finding.summary.format(**finding.facts)


class Computer:
    """A computer of our own making: its commands are real scripts, its files real files."""

    def __init__(self, root: Path) -> None:
        self._bin, self.proc_net, self.sys = (root / name for name in ("bin", "net", "sys"))
        for folder in (self._bin, self.proc_net, self.sys):
            folder.mkdir()

    def command(self, name: str, script: str) -> None:
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def prints(self, name: str, text: str, status: int = 0) -> None:
        (self._bin / f"{name}.txt").write_text(text, encoding="utf-8")
        self.command(name, f'/bin/cat "$0.txt"; exit {status}')

    def file(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    made = Computer(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(commands, "_EXTRA_PLACES", ())
    monkeypatch.setattr(network, "PROC_NET", made.proc_net)
    # hidden from the other tests in this folder
    monkeypatch.setattr(network_check, "read_network", network.read_network)
    monkeypatch.setattr(router, "PROC_NET", made.proc_net)
    monkeypatch.setattr(wifi, "WIRELESS_FILE", made.proc_net / "wireless")
    monkeypatch.setattr(power, "SYS", made.sys)
    return made


# ---- network -------------------------------------------------------------------------------------

IP = """
case "$*" in
  "-j addr") echo '[{"ifname":"wlan0","flags":["UP","LOWER_UP"],"addr_info":
    [{"family":"inet","local":"192.0.2.5","prefixlen":24,"scope":"global"}]}]';;
  "-j route") echo '[{"dst":"default","gateway":"192.0.2.1","dev":"wlan0","metric":600}]';;
  *) echo '[]';;
esac"""


def test_a_network_by_the_command_ip(known: Findings, computer: Computer) -> None:
    computer.command("ip", IP)
    finding = check_network(known, Deadline(2))
    assert told(finding) == ("passed", None, "wlan0: 192.0.2.5, router 192.0.2.1")
    assert known.network == HOME
    assert finding.evidence["interfaces"] == {"wlan0": ["192.0.2.5/24"]}


def test_a_network_without_a_router(known: Findings, computer: Computer) -> None:
    computer.command("ip", IP.replace('"dst":"default"', '"dst":"192.0.2.0/24"'))
    assert told(check_network(known, Deadline(2))) == (
        "passed",
        None,
        "wlan0: 192.0.2.5, no router",
    )
    assert told(check_gateway(known, Deadline(2)))[0] == "skipped"


def test_nothing_but_loopback(known: Findings, computer: Computer) -> None:
    computer.command("ip", "echo '[]'")
    finding = check_network(known, Deadline(2))
    assert told(finding) == ("passed", None, "no interface but loopback is up")
    assert known.network is not None and known.network.interfaces == ()


def test_a_computer_that_does_not_tell(known: Findings, computer: Computer) -> None:
    for check in (check_network, check_gateway, check_wifi, check_power):
        assert told(check(known, Deadline(2)))[:2] == ("skipped", None)
    assert (known.network, known.gateway_answers) == (None, None)


@pytest.mark.parametrize("script", ["exit 1", "echo garbage", "while :; do :; done", "echo '{}'"])
def test_a_broken_command_is_a_missing_one(
    known: Findings, computer: Computer, script: str
) -> None:
    for name in ("ip", "iw", "vcgencmd", "ping"):
        computer.command(name, script)
    for check in (check_network, check_wifi, check_power):
        assert told(check(known, Deadline(0.4)))[:2] == ("skipped", None)


# ---- gateway -------------------------------------------------------------------------------------

ANSWERED = """\
PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.
64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=2.31 ms

--- 192.0.2.1 ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time 0ms
rtt min/avg/max/mdev = 2.310/2.310/2.310/0.000 ms
"""
SILENT = "--- 192.0.2.1 ping statistics ---\n1 packets transmitted, 0 received, 100% packet loss\n"


def neighbour(state: str) -> str:
    return f'echo \'[{{"dst":"192.0.2.1","state":["{state}"]}}]\''


def test_the_router_answers(known: Findings, computer: Computer) -> None:
    known.network = HOME
    computer.prints("ping", ANSWERED)
    finding = check_gateway(known, Deadline(2.5))
    assert told(finding) == ("passed", None, "192.0.2.1 answers after 2.3 ms")
    assert known.gateway_answers is True


@pytest.mark.parametrize(
    ("state", "answers", "summary"),
    [
        ("REACHABLE", True, "192.0.2.1 is there"),
        ("FAILED", False, "192.0.2.1 does not answer"),
        ("INCOMPLETE", False, "192.0.2.1 does not answer"),
        ("STALE", None, "192.0.2.1 ignores pings: whether it is there cannot be told"),
    ],
)
def test_a_router_that_does_not_answer_a_ping(
    known: Findings, computer: Computer, state: str, answers: bool | None, summary: str
) -> None:
    known.network = HOME
    computer.prints("ping", SILENT, status=1)
    computer.command("ip", neighbour(state))
    finding = check_gateway(known, Deadline(2.5))
    assert finding.summary.format(**finding.facts) == summary
    assert known.gateway_answers is answers
    assert finding.cause is None


def test_the_kernels_table_where_there_is_no_command(known: Findings, computer: Computer) -> None:
    known.network = HOME
    computer.prints("ping", SILENT, status=1)
    computer.file(
        computer.proc_net / "arp",
        "IP address HW type Flags HW address Mask Device\n"
        "192.0.2.1 0x1 0x0 00:00:00:00:00:00 * wlan0\n",
    )
    check_gateway(known, Deadline(2.5))
    assert known.gateway_answers is False


def test_without_ping_a_refused_datagram_is_an_answer(known: Findings, computer: Computer) -> None:
    known.network = Network((), "127.0.0.1", "lo", False)
    finding = check_gateway(known, Deadline(2.5))
    assert finding.evidence["seen"] == "refused datagram"
    assert known.gateway_answers is True


def test_a_ping_that_hangs_does_not_hold_the_check(known: Findings, computer: Computer) -> None:
    known.network = Network((), "127.0.0.1", "lo", False)
    computer.command("ping", "trap '' TERM; while :; do :; done")
    check_gateway(known, Deadline(0.6))  # the test's own time limit is the assertion
    assert known.gateway_answers in (True, None)


# ---- Wi-Fi ---------------------------------------------------------------------------------------

WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   {row}  -256        0      0      0      5      0        0
"""


@pytest.mark.parametrize(
    ("row", "outcome", "signal"),
    [
        ("70.  -40.", "passed", "-40 dBm"),
        ("40.  -70.", "passed", "-70 dBm"),
        ("39.  -71.", "warned", "-71 dBm"),
        ("32.  178.", "warned", "-78 dBm"),
        ("35.   35.", "warned", "35 % quality"),
        ("41.   41.", "passed", "41 % quality"),
        ("20.  -55.", "warned", "29 % quality"),  # a driver that knows of more than the signal
    ],
)
def test_wifi_of_the_kernel(
    known: Findings, computer: Computer, row: str, outcome: str, signal: str
) -> None:
    known.network = HOME
    computer.file(computer.proc_net / "wireless", WIRELESS.format(row=row))
    finding = check_wifi(known, Deadline(2))
    cause = "wifi_signal_weak" if outcome == "warned" else None
    assert told(finding) == (outcome, cause, f"wlan0: {signal}")
    assert set(finding.evidence) == {"interface", "signal", "dbm", "quality_percent"}


IW = """
case "$*" in
  dev) printf 'phy#0\\n\\tInterface wlan0\\n\\t\\ttype managed\\n';;
  "dev wlan0 link") printf 'Connected to 02:00:00:00:00:01 (on wlan0)\\n\\tsignal: -81 dBm\\n';;
esac"""


def test_wifi_by_the_command_iw(known: Findings, computer: Computer) -> None:
    known.network = HOME
    computer.command("iw", IW)
    assert told(check_wifi(known, Deadline(2))) == ("warned", "wifi_signal_weak", "wlan0: -81 dBm")
    computer.file(computer.proc_net / "wireless", WIRELESS.splitlines()[0])  # has no row
    assert told(check_wifi(known, Deadline(2)))[0] == "warned"


def test_wifi_that_is_not_the_way_out(known: Findings, computer: Computer) -> None:
    """Connected by cable: a weak Wi-Fi beside it is no reason for anything."""
    known.network = Network((), "192.0.2.1", "eth0", False)
    computer.file(computer.proc_net / "wireless", WIRELESS.format(row="20.  -90."))
    computer.command("iw", IW)
    assert told(check_wifi(known, Deadline(2))) == ("skipped", None, "no Wi-Fi in use")


# ---- power ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "outcome", "summary"),
    [
        ("throttled=0x0", "passed", "enough"),
        ("throttled=0x50005", "warned", "under-voltage now"),
        ("throttled=0x50000", "warned", "under-voltage since this computer was started"),
        ("throttled=0xE0006", "passed", "enough"),  # too hot, another matter
    ],
)
def test_power_by_the_command(
    known: Findings, computer: Computer, text: str, outcome: str, summary: str
) -> None:
    computer.prints("vcgencmd", f"{text}\n")
    finding = check_power(known, Deadline(2))
    cause = "power_undervoltage" if outcome == "warned" else None
    assert told(finding) == (outcome, cause, summary)


def test_power_by_the_firmwares_file(known: Findings, computer: Computer) -> None:
    """The command is there, but the service's user may not ask."""
    computer.prints("vcgencmd", "VCHI initialization failed\n", status=255)
    name = "devices/platform/soc/soc:firmware/get_throttled"
    computer.file(computer.sys / name, "10000\n")
    assert "since" in told(check_power(known, Deadline(2)))[2]


@pytest.mark.parametrize(("alarm", "outcome"), [("1", "warned"), ("0", "passed")])
def test_power_by_the_sensor(known: Findings, computer: Computer, alarm: str, outcome: str) -> None:
    computer.file(computer.sys / "class/hwmon/hwmon0/name", "cpu_thermal\n")
    computer.file(computer.sys / "class/hwmon/hwmon1/name", "rpi_volt\n")
    computer.file(computer.sys / "class/hwmon/hwmon1/in0_lcrit_alarm", f"{alarm}\n")
    assert told(check_power(known, Deadline(2)))[0] == outcome


def test_power_as_the_host_knows_it(known: Findings, computer: Computer) -> None:
    computer.prints("vcgencmd", "throttled=0x0\n")
    known.throttled = 0x10000
    assert told(check_power(known, Deadline(2)))[1] == "power_undervoltage"


@provokes("wifi_signal_weak", "power_undervoltage")
def test_what_is_weak_here_stands_beside_the_verdict(
    computer: Computer, sandbox: SandboxServer
) -> None:
    """Seen by a run of all checks: two warnings, and the verdict that the server deserves."""
    computer.command("ip", IP)
    computer.file(computer.proc_net / "wireless", WIRELESS.format(row="32.  -78."))
    computer.prints("vcgencmd", "throttled=0x50005\n")
    result = run(sandbox.url, sandbox.printer.token)
    assert result["verdict"] == "succeeded"
    warned = {warning["cause"]: warning["explanation"] for warning in result["warnings"]}
    assert set(warned) == {"wifi_signal_weak", "power_undervoltage"}
    assert "wlan0" in warned["wifi_signal_weak"] and "-78 dBm" in warned["wifi_signal_weak"]
    assert "now" in warned["power_undervoltage"]


# ---- the line ------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def test_a_healthy_line(known: Findings, listener: socket.socket) -> None:
    known.targets = [Target(socket.AF_INET, listener.getsockname())]
    assert told(check_loss(known, Deadline(7))) == ("passed", None, "none in 15 connections")
    outcome, cause, summary = told(check_latency(known, Deadline(1)))
    assert (outcome, cause) == ("passed", None)
    assert summary.endswith(" ms there and back")


def test_the_address_that_answers_is_measured(known: Findings, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    known.targets = [
        Target(socket.AF_INET6, ("::1", port, 0, 0)),  # nobody listens there
        Target(socket.AF_INET, ("127.0.0.1", port)),
    ]
    finding = check_loss(known, Deadline(7))
    assert finding.evidence["ip"] == "127.0.0.1"
    assert finding.outcome.value == "passed"


PINGS = "--- 192.0.2.1 ping statistics ---\n20 packets transmitted, {n} received, time 3811ms\n"


@pytest.mark.parametrize(
    ("received", "where"),
    [
        (15, "in your own network (on the way to the router)"),
        (19, "beyond the router"),
        (None, "on the way to the server"),
    ],
)
def test_a_lossy_line(
    known: Findings,
    computer: Computer,
    monkeypatch: pytest.MonkeyPatch,
    received: int | None,
    where: str,
) -> None:
    """A full queue: the kernel drops connects to it, as a lossy line would."""
    known.network = HOME
    monkeypatch.setattr(Network, "is_near", lambda *_: False)  # as if it were behind the router
    if received is not None:
        computer.prints("ping", PINGS.format(n=received), status=1)
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        known.targets = [Target(socket.AF_INET, full.getsockname())]
        finding = check_loss(known, Deadline(3))
    outcome, cause, summary = told(finding)
    assert (outcome, cause) == ("warned", "packet_loss")
    assert summary.endswith(where)
    assert finding.facts["lost"] <= finding.facts["sent"]
    assert finding.facts["where"] == finding.evidence["where"] == where


def test_no_router_on_the_way(known: Findings, computer: Computer) -> None:
    """A server in this computer's own network: the router is not asked, it is not to blame."""
    known.network = HOME
    computer.prints("ping", PINGS.format(n=10), status=1)
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        known.targets = [Target(socket.AF_INET, full.getsockname())]
        finding = check_loss(known, Deadline(3))
    assert told(finding)[:2] == ("warned", "packet_loss")
    assert finding.facts["where"] == "in your own network"
    assert "gateway_loss_percent" not in finding.evidence


@pytest.mark.parametrize(
    "prepare",
    [
        lambda known: setattr(known, "proxy", parse_proxy("http://127.0.0.1:8080")),
        lambda known: None,  # the name was left to the proxy
    ],
)
def test_no_line_to_measure(known: Findings, prepare: Callable[[Findings], None]) -> None:
    prepare(known)
    assert told(check_loss(known, Deadline(7)))[0] == "skipped"
    assert told(check_latency(known, Deadline(1)))[0] == "skipped"


def test_a_slow_line(known: Findings) -> None:
    known.line = Line("192.0.2.9", tuple(Sample(0.61 + n / 100, 0, False) for n in range(5)))
    finding = check_latency(known, Deadline(1))
    assert told(finding) == ("warned", "high_latency", "630 ms there and back")
    assert finding.facts["host"] == "127.0.0.1"


def test_no_command_is_needed(computer: Computer) -> None:
    """The fixture hides what this machine has."""
    assert os.environ["PATH"] == str(computer.proc_net.parent / "bin")
    assert commands.run_command(["ip", "-j", "addr"], 1) is None
