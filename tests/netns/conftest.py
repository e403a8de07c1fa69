"""The lab, one for each module, and what is said where this machine cannot have one."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NOT_TESTED_HERE

from .lab import Lab, running_lab
from .namespaces import namespaces, remove_leftovers, run_command

_PROGRAMS = (
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("ip6tables", "iptables"),
    ("ping", "iputils-ping"),
    ("dnsmasq", "dnsmasq-base"),
)
_MATCHES = (
    "length --length 1301:65535",
    "statistic --mode nth --every 5 --packet 0",
    "string --algo bm --string obico.example",
)
"""What iptables has to be able to look at."""


def why_not() -> str | None:
    """Why this machine can have no lab; None where it can."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        return "network namespaces need Linux and root"
    if not Path("/proc/sys/net/ipv6").is_dir():
        return "this kernel has no IPv6"
    missing = sorted({package for name, package in _PROGRAMS if shutil.which(name) is None})
    if missing:
        return f"not installed: {', '.join(missing)} (sh tools/system_packages.sh)"
    try:
        remove_leftovers()
        with namespaces("trial") as (trial,):
            trial.configure("link add eth0 type veth peer name eth1")
            trial.filter(*(f"-A FORWARD -m {match} -j DROP" for match in _MATCHES))
            run_command(*trial.inside("ip6tables", "-w", "-L"))
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return f"no network namespace can be made: {error}"
    return None


def need(reason: str | None) -> None:
    """Leave a test out where there is a reason to; the summary says so aloud."""
    if reason is not None:
        pytest.skip(f"{NOT_TESTED_HERE}: {reason}")


@pytest.fixture(scope="session")
def network_namespaces() -> Iterator[None]:
    """Network namespaces can be made here. Elsewhere: left out aloud."""
    with pytest.MonkeyPatch.context() as environment:
        # where the system's commands are; a user's own path often lacks them
        environment.setenv("PATH", f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        need(why_not())
        yield


@pytest.fixture(scope="session")
def tun_devices(network_namespaces: None) -> None:
    """The slow line needs two."""
    need(None if os.access("/dev/net/tun", os.W_OK) else "/dev/net/tun is missing")


@pytest.fixture(scope="module")
def module_lab(network_namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab for all tests of one module. Tests take ``lab``."""
    with running_lab(Path(tmp_path_factory.mktemp("lab"))) as lab:
        yield lab


@pytest.fixture
def lab(module_lab: Lab) -> Iterator[Lab]:
    """The module's lab; what the test breaks is mended afterwards."""
    yield module_lab
    module_lab.heal()
