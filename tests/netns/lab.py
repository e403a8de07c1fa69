"""A home network in miniature: the printer's computer, its router, and the Obico Server beyond it.

::

    client 10.77.1.2 ---- 10.77.1.1 router 10.77.2.1 ---- 10.77.2.2 server
           fd77:1::2      fd77:1::1        fd77:2::1      fd77:2::2

The router forwards and is the name server (dnsmasq). Each of the three is a network namespace, so
the same addresses serve in each lab. Tests break it as a fault would, and ``heal`` mends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.results import check_result

from .lab_server import CA_FILE
from .namespaces import Child, Namespace, namespaces, run_command

ROOT = Path(__file__).resolve().parent.parent.parent
DEADLINE_MS = 15_000

NAME = "obico.example"
HTTP, HTTPS = f"http://{NAME}", f"https://{NAME}"
CLIENT, ROUTER, ROUTER_OUT, SERVER = "10.77.1.2", "10.77.1.1", "10.77.2.1", "10.77.2.2"
CLIENT_6, ROUTER_6, ROUTER_OUT_6, SERVER_6 = "fd77:1::2", "fd77:1::1", "fd77:2::1", "fd77:2::2"
NOBODY = "10.77.1.99"
"""An address in the client's network that no machine has."""
NOWHERE_6 = "fd77:dead::1"
"""The router drops what goes there, without a word."""
SILENT_RESOLVER, CLOSED_RESOLVER = "10.77.1.53", "10.77.1.54"
_SERVFAIL_PORT, _SERVFAIL = 5353, "2"

_SYSCTL = """
for place in all default; do
    echo 0 > /proc/sys/net/ipv4/conf/$place/rp_filter
    echo 0 > /proc/sys/net/ipv6/conf/$place/disable_ipv6
    echo 0 > /proc/sys/net/ipv6/conf/$place/accept_dad
    echo 0 > /proc/sys/net/ipv6/conf/$place/accept_ra
done
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
"""
_FORWARD = """
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
"""
_CLIENT_LINES = (
    "link set lo up",
    "link set eth0 up mtu 1500",
    f"addr replace {CLIENT}/24 dev eth0",
    f"addr replace {CLIENT_6}/64 dev eth0 nodad",
    f"route replace default via {ROUTER}",
    f"route replace default via {ROUTER_6}",
    "neigh flush dev eth0",
)
_ROUTER_LINES = (
    "link set lo up",
    "link set lan up",
    "link set wan up",
    f"addr replace {ROUTER}/24 dev lan",
    f"addr replace {SILENT_RESOLVER}/24 dev lan",
    f"addr replace {CLOSED_RESOLVER}/24 dev lan",
    f"addr replace {ROUTER_OUT}/24 dev wan",
    f"addr replace {ROUTER_6}/64 dev lan nodad",
    f"addr replace {ROUTER_OUT_6}/64 dev wan nodad",
    f"route replace blackhole {NOWHERE_6}/128",
)
_SERVER_LINES = (
    "link set lo up",
    "link set eth0 up",
    f"addr replace {SERVER}/24 dev eth0",
    f"addr replace {SERVER_6}/64 dev eth0 nodad",
    f"route replace default via {ROUTER_OUT}",
    f"route replace default via {ROUTER_OUT_6}",
)
_NO_RULES = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n"
_ROUTER_RULES = _NO_RULES.replace("COMMIT", f"-A INPUT -d {SILENT_RESOLVER} -j DROP\nCOMMIT")
_NAMES = (
    "--local=/example/",  # what it does not know below .example does not exist; others: REFUSED
    f"--host-record={NAME},{SERVER}",
    f"--host-record=dual.example,{SERVER},{SERVER_6}",
    f"--host-record=six.example,{SERVER},{NOWHERE_6}",
    "--host-record=zero.example,0.0.0.0",
    "--host-record=home.example,127.0.0.1",
    "--txt-record=empty.example,a name without an address",
    f"--server=/servfail.example/{ROUTER}#{_SERVFAIL_PORT}",
)
_FOREIGN = ("PROXY", "CA_BUNDLE", "SSL_CERT", "OBICO_TOKEN", "RES_OPTIONS", "LOCALDOMAIN")
"""Parts of the names of variables that would change what is tested."""


@dataclass
class Lab:
    """The three machines, and what the tests do with them."""

    client: Namespace
    router: Namespace
    server: Namespace
    folder: Path
    tokens: Mapping[str, str]
    _relay: Child | None = None

    # ---- what is tested ------------------------------------------------------------------------

    def diagnose(self, url: str, *, linked: bool = True) -> dict[str, Any]:
        """The result of the stand-alone command, run on the client; its form is checked."""
        argv = [sys.executable, "-m", "octoprint_obico.diagnosis", "--server", url, "--json"]
        done = subprocess.run(
            self.client.inside(*argv),
            cwd=ROOT,
            env=self.environment(url if linked else None),
            capture_output=True,
            text=True,
            timeout=60.0,
        )
        assert not done.stderr, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        check_result(result)
        assert (done.returncode == 0) is (result["verdict"] == "succeeded")
        assert result["duration_ms"] <= DEADLINE_MS
        return result

    def channels(self, mode: str, url: str) -> Child:
        """The live channels on the client; see :mod:`tests.netns.live_channels`."""
        argv = [sys.executable, "-m", "tests.netns.live_channels", mode, url]
        return self.client.start(*argv, env=self.environment(url), folder=ROOT)

    def environment(self, url: str | None) -> dict[str, str]:
        """No proxy and no trust from outside; the lab's own authority, and the token for `url`."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not any(part in name.upper() for part in _FOREIGN)
        }
        token = {"OBICO_TOKEN": self.tokens[url.partition(":")[0]]} if url else {}
        return {**kept, "REQUESTS_CA_BUNDLE": str(self.folder / CA_FILE), **token}

    # ---- how it is broken and mended -----------------------------------------------------------

    def resolvers(self, *addresses: str) -> None:
        """Let the client ask these name servers, in this order."""
        self.client.write_etc("resolv.conf", "".join(f"nameserver {ip}\n" for ip in addresses))

    def drop(self, matching: str = "", *, in_namespace: Namespace | None = None) -> None:
        """Let the router (or another) lose what it should forward and what matches."""
        where = in_namespace or self.router
        where.filter(f"-A FORWARD {matching} -j DROP")

    def slow_link(self, delay_ms: float, loss: float = 0.0) -> None:
        """Carry what goes between router and server over a slow, lossy line, until `heal`."""
        line = [sys.executable, "-m", "tests.netns.slow_link", self.server.name]
        self._relay = self.router.start(*line, str(delay_ms), str(loss), folder=ROOT)
        assert self._relay.line() == "ready"
        self.router.configure("link set slow0 up", f"route replace {SERVER}/32 dev slow0")
        self.server.configure("link set slow1 up", "route replace 10.77.1.0/24 dev slow1")

    def heal(self) -> None:
        """Put everything back that a test has broken."""
        if self._relay is not None:
            self._relay.stop()  # its devices end with it
            self._relay = None
        for namespace, lines, rules in (
            (self.client, _CLIENT_LINES, _NO_RULES),
            (self.router, _ROUTER_LINES, _ROUTER_RULES),
            (self.server, _SERVER_LINES, _NO_RULES),
        ):
            namespace.configure(*lines)
            restore = namespace.inside("iptables-restore", "-w")
            run_command(*restore, text=rules)
            namespace.configure("route flush cache", "tcp_metrics flush", force=True)
        self.resolvers(ROUTER)


@contextlib.contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Build the network, start its server and name server, and take all of it down in the end."""
    with namespaces("client", "router", "server") as (client, router, server):
        for namespace in (client, router, server):
            namespace.shell(_SYSCTL + (_FORWARD if namespace is router else ""))
        for end, name, other, other_name in (
            (client, "eth0", router, "lan"),
            (server, "eth0", router, "wan"),
        ):
            peer = f"peer name {other_name} netns {other.name}"
            run_command("ip", *f"link add {name} netns {end.name} type veth {peer}".split())
        serving = server.start(
            sys.executable, "-m", "tests.netns.lab_server", str(folder), folder=ROOT
        )
        lab = Lab(client, router, server, folder, {})
        client.write_etc("nsswitch.conf", "hosts: files dns\n")
        client.write_etc("hosts", "127.0.0.1 localhost\n::1 localhost\n")
        lab.heal()
        _start_resolver(router)
        lab.tokens = json.loads(serving.line())
        yield lab


def _start_resolver(router: Namespace) -> None:
    """dnsmasq goes to the background once it answers, so that nothing has to be waited for."""
    failing = [sys.executable, "-m", "tests.netns.failing_resolver", ROUTER]
    answering = router.start(*failing, str(_SERVFAIL_PORT), _SERVFAIL, folder=ROOT)
    router.run(
        "dnsmasq",
        "--conf-file=/dev/null",
        "--pid-file",
        "--user=root",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--except-interface=lo",
        f"--listen-address={ROUTER}",
        *_NAMES,
    )
    assert answering.line() == "ready"
