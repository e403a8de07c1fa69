"""What all tests share: the guard that keeps them on this machine, and the bench."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.provoked import MARK, watched

if TYPE_CHECKING:
    from tests.bench import Bench, Edition

EDITION_IDS = ("octoprint-1.11", "octoprint-2.0")
NOT_TESTED_HERE = "NOT TESTED HERE"
"""How the reason of a skip begins that must not be overlooked."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known of tests that provoke a cause (tests/provoked.py); be patient."""
    # a busy machine is no fault of a property
    patient = [HealthCheck.too_slow]
    settings.register_profile("patient", deadline=None, suppress_health_check=patient)
    settings.load_profile("patient")
    config.addinivalue_line("markers", f"{MARK}(*causes): provokes these causes by a real fault")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test that is marked with causes has to see them."""
    return (yield from watched(pyfuncitem))


class OffLoopbackError(RuntimeError):
    """A test tried to reach another machine. Not an OSError, which the code would handle."""


class LoopbackGuard:
    """An audit hook that refuses connections to other machines, and remembers them."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse to connect a socket to, or to send to, an address off loopback."""
        if event not in ("socket.connect", "socket.sendto"):
            return
        address = arguments[1]
        # other families (Unix sockets) have no tuple and stay on the machine
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            self.refused.append(f"{event} {address[0]}")
            raise OffLoopbackError(f"a test may only use loopback, not {address[0]}")


def is_loopback(host: str) -> bool:
    """Tell whether this address or name means this machine."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("localhost", "")


@pytest.fixture(scope="session")
def loopback_guard() -> LoopbackGuard:
    """The guard of this test run; once in place it stays until the process ends."""
    guard = LoopbackGuard()
    sys.addaudithook(guard)
    return guard


@pytest.fixture(autouse=True)
def only_loopback(loopback_guard: LoopbackGuard) -> Iterator[None]:
    """Fail the test that tried to reach another machine, even where the code swallowed it."""
    loopback_guard.refused.clear()
    yield
    assert loopback_guard.refused == []


@pytest.fixture(scope="session", params=EDITION_IDS)
def edition(request: pytest.FixtureRequest) -> Edition:
    """Each OctoPrint in turn; a missing one fails the tests that need it."""
    from tests.bench import EDITIONS

    found = next(edition for edition in EDITIONS if edition.id == request.param)
    found.python()
    return found


@pytest.fixture(scope="module")
def module_bench(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench for all tests of one module, on one OctoPrint. Tests take ``bench``."""
    from tests.bench import running_bench

    with running_bench(edition, tmp_path_factory.mktemp(edition.id)) as bench:
        yield bench


@pytest.fixture
def bench(module_bench: Bench) -> Iterator[Bench]:
    """The module's bench; what the test breaks on it is mended afterwards."""
    yield module_bench
    module_bench.mend()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of OctoPrint's log with a test that failed on the bench."""
    report = yield
    bench = getattr(item, "funcargs", {}).get("bench")
    if report.failed and bench is not None:
        report.sections.append(("end of OctoPrint's log", bench.octoprint.log_tail()))
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Generator[None, None, None]:
    """Say aloud, after everything else, what this machine could not test, and why."""
    yield
    reasons: dict[str, set[str]] = {}
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if NOT_TESTED_HERE in reason:
            why = reason.partition(NOT_TESTED_HERE)[2].lstrip(": ")
            reasons.setdefault(why, set()).add(report.nodeid)
    if reasons:
        terminalreporter.section(NOT_TESTED_HERE, sep="!", red=True, bold=True)
    for why, tests in sorted(reasons.items()):
        files = sorted({test.partition("::")[0] for test in tests})
        terminalreporter.write_line(f"{why}: {len(tests)} tests of {', '.join(files)}", red=True)
