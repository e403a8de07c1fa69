"""Runs the diagnosis and the existing plugin's test, each as a program of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults import Fault, Scene
from benchmarks.relay import Relay, delayed
from octoprint_obico.server.causes import CREDENTIAL_CAUSES, Cause
from sandbox import SandboxServer
from tests.servers.certificates import NAME, Certificates

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 3
"""Runs against a healthy server, of which the middle one counts."""

PATIENCE_S = 40.0
"""How long the existing behaviour is waited for: its time-out starts anew with each byte."""

_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Existing:
    """What the plugin that users have today says, and after how many seconds."""

    seconds: float | None
    answer: str


@dataclass(frozen=True)
class Timed:
    """One fault: what was found, and when."""

    fault: Fault
    verdict: str
    cause: str | None
    seconds: float
    existing: Existing

    @property
    def is_right(self) -> bool:
        return (self.verdict, self.cause) == (verdict_for(self.fault.cause), self.fault.cause)

    def line(self) -> str:
        mark = "right" if self.is_right else f"WRONG, expected {self.fault.cause}"
        return f"{self.seconds:7.2f} s  {self.fault.title}: {self.cause} ({mark})"


@dataclass(frozen=True)
class Healthy:
    """A healthy server at some distance.

    Attributes:
        round_trips: all that the relay saw, over all connections.
    """

    encrypted: bool
    round_trip_s: float
    verdict: str
    warnings: tuple[str, ...]
    seconds: float
    round_trips: int
    existing: Existing

    @property
    def is_right(self) -> bool:
        return self.verdict == "succeeded"

    @property
    def chain(self) -> int:
        """The round trips that have to come one after the other."""
        return LONGEST_CHAIN["https" if self.encrypted else "http"]

    @property
    def ratio(self) -> float | None:
        """The time by that of its own round trips; None where these take no time."""
        own = self.chain * self.round_trip_s
        return self.seconds / own if own else None

    def line(self) -> str:
        scheme = "https" if self.encrypted else "http"
        return f"{self.seconds:7.2f} s  healthy, {scheme}, {self.round_trip_s * 1000:.0f} ms"


LONGEST_CHAIN: Mapping[str, int] = {"http": 3, "https": 6}
"""What a healthy run cannot take less than, over the relay. The WebSocket is the longest way:
connect, hand-shake, ping; over TLS one more, after the TLS check (connect, TLS 1.3). That check and
all others run beside it. On a real link the check of connecting takes one more over http."""


def verdict_for(cause: str) -> str:
    """The verdict that belongs to a cause (DIAGNOSIS contract)."""
    if Cause(cause) in CREDENTIAL_CAUSES:
        return "invalid_account_credentials"
    return {"websocket": "websocket_failed", "webcam": "succeeded"}.get(
        cause.partition("_")[0], "failed_to_contact_server"
    )


def measure_fault(certificates: Certificates, fault: Fault) -> Timed:
    """Time both while the fault is on."""
    with fault.stage(certificates) as scene:
        result = diagnose(scene)
        existing = existing_behaviour(scene)
    webcams = [webcam["cause"] for webcam in result["webcams"]]
    cause = webcams[0] if webcams else result["cause"]
    return Timed(fault, result["verdict"], cause, result["duration_ms"] / 1000, existing)


def measure_healthy(certificates: Certificates, encrypted: bool, round_trip_s: float) -> Healthy:
    """Time both with nothing wrong; of the diagnosis, the middle one of some runs."""
    runs = []
    for _ in range(REPEATS):
        with _healthy_scene(certificates, encrypted, round_trip_s) as (scene, relay):
            result = diagnose(scene)
            runs.append((result["duration_ms"] / 1000, result, list(relay.passages)))
    with _healthy_scene(certificates, encrypted, round_trip_s) as (scene, _relay):
        existing = existing_behaviour(scene)
    seconds, result, passages = sorted(runs, key=lambda run: run[0])[REPEATS // 2]
    assert seconds == statistics.median(run[0] for run in runs)
    return Healthy(
        encrypted,
        round_trip_s,
        result["verdict"],
        tuple(warning["cause"] for warning in result["warnings"]),
        seconds,
        sum(passage.round_trips for passage in passages),
        existing,
    )


@contextmanager
def _healthy_scene(
    certificates: Certificates, encrypted: bool, round_trip_s: float
) -> Iterator[tuple[Scene, Relay]]:
    context = certificates.good() if encrypted else None
    with SandboxServer(ssl_context=context) as server:
        port = int(server.url.rpartition(":")[2])
        with delayed(port, round_trip_s) as relay:
            url = f"https://{NAME}:{relay.port}" if encrypted else f"http://127.0.0.1:{relay.port}"
            trust = {"REQUESTS_CA_BUNDLE": str(certificates.ca_file)}
            yield Scene(url, server.printer.token, environment=trust if encrypted else {}), relay


def diagnose(scene: Scene) -> Mapping[str, Any]:
    """The result of the stand-alone command."""
    command = ["-m", "octoprint_obico.diagnosis", "--server", scene.url, "--json", *scene.options]
    result: Mapping[str, Any] = json.loads(_output(scene, command, PATIENCE_S))
    return result


def existing_behaviour(scene: Scene) -> Existing:
    """What the existing plugin's TEST would have said."""
    try:
        found = json.loads(_output(scene, ["-m", "benchmarks.existing", scene.url], PATIENCE_S))
    except subprocess.TimeoutExpired:
        return Existing(None, f"nothing within {PATIENCE_S:.0f} s")
    return Existing(found["seconds"], found["answer"])


def _output(scene: Scene, arguments: list[str], limit_s: float) -> str:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment.update(scene.environment, OBICO_TOKEN=scene.token)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=limit_s,
    )
    if not done.stdout:
        raise RuntimeError(f"{arguments} said nothing but: {done.stderr[-2000:]}")
    return done.stdout
