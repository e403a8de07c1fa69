"""The metrics of a real OctoPrint: who may read them, how, and that Prometheus can use them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from sandbox.octoprint_instance import LoopbackSession, free_port
from tests.bench import Bench
from tests.integration.driver import BASE, drive, is_connected, let_viewer_come
from tests.promtool import MONITORING, program, promtool

METRICS = f"{BASE}/metrics"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
#: The plugin pings every 8 s.
ROUND_TRIP_LIMIT_S = 20.0
PROMETHEUS_LIMIT_S = 30.0


def scrape(session: LoopbackSession, accept: str = "") -> requests.Response:
    answer = session.get(METRICS, headers={"Accept": accept} if accept else {})
    assert answer.status_code == 200, answer.text[:300]
    return answer


def values(session: LoopbackSession) -> dict[str, float]:
    """All values by name and labels."""
    found = {}
    for family in plain_text(scrape(session).text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def with_header(bench: Bench, name: str, value: str) -> requests.Response:
    """A scrape by somebody who has nothing but this header."""
    return bench.octoprint.anonymous_session().get(METRICS, headers={name: value})


@dataclass(frozen=True)
class Monitor:
    """The user of README.md: in a group that may troubleshoot, and nothing else."""

    api_key: str
    app_key: str


@pytest.fixture
def monitor(bench: Bench) -> Monitor:
    """Made as README.md says, over the same API that OctoPrint's dialogs use."""
    name, group = "prometheus", "monitoring"
    if bench.api.get(f"/api/access/users/{name}").status_code == 404:
        post(
            bench,
            "/api/access/groups",
            {
                "key": group,
                "name": group,
                "description": "",
                "permissions": ["PLUGIN_OBICO_TROUBLESHOOT"],
                "subgroups": [],
                "default": False,
            },
        )
        user = {"name": name, "password": "x" * 12, "active": True, "groups": [group]}
        post(bench, "/api/access/users", user)
    api_key = post(bench, f"/api/access/users/{name}/apikey", {})["apikey"]
    made = {"command": "generate", "app": name, "user": name}
    app_key = post(bench, "/api/plugin/appkeys", made)["api_key"]
    return Monitor(api_key, app_key)


def post(bench: Bench, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = bench.api.post(path, json=body)
    assert answer.status_code in (200, 201), f"{path}: {answer.status_code} {answer.text[:300]}"
    value: dict[str, Any] = answer.json()
    return value


def test_a_key_as_readme_says(bench: Bench, monitor: Monitor) -> None:
    """Both kinds of key, in both headers, in both versions; as Prometheus sends it: Bearer."""
    for key in (monitor.api_key, monitor.app_key):
        assert with_header(bench, "Authorization", f"Bearer {key}").status_code == 200
        assert with_header(bench, "X-Api-Key", key).status_code == 200


def test_the_key_opens_nothing_else(bench: Bench, monitor: Monitor) -> None:
    session = bench.octoprint.anonymous_session()
    session.headers["Authorization"] = f"Bearer {monitor.app_key}"
    assert session.get("/api/settings").status_code == 403
    assert session.post("/api/job", json={"command": "cancel"}).status_code == 403
    assert session.post(f"{BASE}/api/link", json={"code": "000000"}).status_code == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer 0123456789ABCDEF"),
        ("Authorization", "Bearer "),
        ("Authorization", "Basic YWRtaW46YWRtaW4="),
        ("X-Api-Key", "0123456789ABCDEF"),
        ("X-Nothing", ""),
    ],
)
def test_everybody_else_is_refused(bench: Bench, name: str, value: str) -> None:
    answer = with_header(bench, name, value)
    assert answer.status_code == 403
    assert "obico_" not in answer.text


def test_a_user_without_the_permission_is_refused(bench: Bench) -> None:
    answer = with_header(bench, "Authorization", f"Bearer {bench.octoprint.reader.api_key}")
    assert answer.status_code == 403


def test_text_format(bench: Bench) -> None:
    """The plain format, which promtool has nothing to say about."""
    drive(bench).settle()
    answer = scrape(bench.api)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Vary"].split(",")[0].strip() == "Accept"
    assert promtool("check", "metrics", stdin=answer.content) == ""
    names = {family.name for family in plain_text(answer.text)}
    assert {"obico_attempts", "obico_build_info", "obico_linked"} <= names
    assert all(name.startswith("obico_") for name in names)


def test_openmetrics(bench: Bench) -> None:
    answer = scrape(bench.api, OPEN_METRICS)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    assert {family.name for family in open_metrics(answer.text)} >= {"obico_attempts"}


def test_an_odd_accept_header_is_no_error(bench: Bench) -> None:
    scrape(bench.api, "application/openmetrics-text;version=one")


def test_healthy(bench: Bench) -> None:
    """All is up, and the round trips are measured."""
    driver = drive(bench)
    driver.settle()
    bench.octoprint.wait_until(
        lambda: "obico_websocket_round_trip_seconds" in values(bench.api),
        "a ping was answered",
        ROUND_TRIP_LIMIT_S,
    )
    found = values(bench.api)
    assert found["obico_linked"] == 1
    assert found["obico_channel_up{channel=http}"] == 1
    assert found["obico_channel_up{channel=websocket}"] == 1
    assert 0 < found["obico_websocket_round_trip_seconds"] < 5
    assert 0 < found["obico_http_round_trip_seconds"] < 5
    assert found["obico_failed_attempts_total{channel=plugin}"] == 0
    versions = driver.status()
    octoprint, plugin = versions["octoprint_version"], versions["plugin_version"]
    assert f"obico_build_info{{octoprint={octoprint},version={plugin}}}" in found


@pytest.mark.parametrize("fault", ["http_500", "ws_403", "unreachable", "revoked"])
def test_faults_are_told_as_status_and_report_tell_them(bench: Bench, fault: str) -> None:
    """The same states, causes and counts in all three places."""
    driver = drive(bench)
    driver.settle()
    bench.server.set_fault(fault)
    let_viewer_come(bench.server)
    driver.wait_for_status(lambda s: not is_connected(s), f"the status shows {fault}")
    # figures go on growing meanwhile: compare a scrape that lies between two equal readings
    for _ in range(20):
        before = driver.status(), driver.report()
        found = values(bench.api)
        after = driver.status(), driver.report()
        if figures(*before) == figures(*after):
            break
    status, report = after
    assert figures(status, report) == {key: found.get(key) for key in figures(status, report)}
    failing = {key for key in found if key.startswith("obico_channel_failing{")}
    causes = {
        f"obico_channel_failing{{cause={channel['cause']},channel={name}}}"
        for name, channel in status["channels"].items()
        if channel["cause"] is not None and channel["state"] != "connected"
    }
    assert causes and causes <= failing


def figures(status: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, float | None]:
    """What status and report say, under the metrics' names."""
    channels = status["channels"]
    said: dict[str, float | None] = {
        f"obico_server_state{{state={status['server']['state']}}}": 1,
        "obico_channel_up{channel=websocket}": channels["websocket"]["state"] == "connected",
        "obico_channel_up{channel=http}": channels["http"]["state"] == "okay",
    }
    for name, section in report["channels"].items():
        said[f"obico_attempts_total{{channel={name}}}"] = section["attempts"]
        said[f"obico_failed_attempts_total{{channel={name}}}"] = section["errors"]
        for cause, count in section["causes"].items():
            said[f"obico_errors_total{{cause={cause},channel={name}}}"] = count
    return said


def test_no_secret_and_no_address(bench: Bench, monitor: Monitor) -> None:
    """After a fault, whose message names the server."""
    bench.server.set_fault("http_500")
    let_viewer_come(bench.server)
    drive(bench).wait_for_status(lambda s: not is_connected(s), "the status shows the fault")
    for accept in ("", OPEN_METRICS):
        text = scrape(bench.api, accept).text
        secrets = (
            bench.server.printer.token,
            bench.server.printer.name,
            bench.octoprint.admin.api_key,
            monitor.app_key,
            "127.0.0.1",
            str(bench.octoprint.port),
        )
        samples = [line for line in text.splitlines() if not line.startswith("#")]
        assert samples
        for line in samples:
            labels = line.partition("{")[2].rpartition("}")[0]
            assert not [secret for secret in secrets if secret in labels], line


# ---- a real Prometheus -------------------------------------------------------------------------


class Prometheus:
    """A running Prometheus, asked over its API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query; none while it starts. An error in it fails the test."""
        try:
            answer = self._session.get(
                f"{self.url}/api/v1/query", params={"query": expression}, timeout=10
            )
        except requests.ConnectionError:
            return []
        if answer.status_code == 503:
            return []
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def value(self, expression: str) -> float | None:
        """The value of the only series, or None where there is none."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else None

    def alerts(self) -> dict[str, dict[str, Any]]:
        """The alerts that are pending or fire, by name."""
        answer = self._session.get(f"{self.url}/api/v1/alerts", timeout=10)
        return {alert["labels"]["alertname"]: alert for alert in answer.json()["data"]["alerts"]}

    def close(self) -> None:
        self._session.close()


@contextmanager
def running_prometheus(bench: Bench, key: str, folder: Path) -> Iterator[Prometheus]:
    """Prometheus with the first job of docs/monitoring, pointed at the bench, in a hurry."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))
    job = config["scrape_configs"][0]
    job["static_configs"][0]["targets"] = [f"127.0.0.1:{bench.octoprint.port}"]
    config["scrape_configs"] = [job]
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    rules = (MONITORING / "obico.rules.yml").read_text("utf-8")
    (folder / "obico.rules.yml").write_text(rules, "utf-8")
    key_file = folder / job["authorization"]["credentials_file"]
    key_file.parent.mkdir()
    key_file.write_text(key + "\n", "utf-8")
    port = free_port()
    command = (
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        prometheus = Prometheus(f"http://127.0.0.1:{port}")
        try:
            yield prometheus
            assert process.poll() is None, (folder / "log").read_text("utf-8")
        finally:
            prometheus.close()
            process.terminate()
            process.wait(20)


def test_prometheus_scrapes_it(bench: Bench, monitor: Monitor, tmp_path: Path) -> None:
    """The ready configuration, alerts and dashboard, in a real Prometheus, with a real fault."""
    driver = drive(bench)
    driver.settle()
    wait = bench.octoprint.wait_until
    with running_prometheus(bench, monitor.app_key, tmp_path) as prometheus:
        wait(lambda: prometheus.value("up") == 1, "a scrape has succeeded", PROMETHEUS_LIMIT_S)
        wait(lambda: prometheus.value("obico_linked") == 1, "metrics are there", PROMETHEUS_LIMIT_S)
        (series,) = prometheus.query('obico_channel_up{channel="websocket"}')
        assert series["value"][1] == "1"
        assert series["metric"]["instance"] == "mk4"
        report = series["metric"]["report_url"]
        assert report == f"{bench.octoprint.url}{BASE}/report"
        assert bench.api.get(report).status_code == 200
        round_trip = "obico_websocket_round_trip_seconds"
        wait(lambda: bool(prometheus.query(round_trip)), "a ping was answered", PROMETHEUS_LIMIT_S)
        assert prometheus.alerts() == {}
        empty = empty_queries(prometheus)

        bench.server.set_fault("unreachable")
        let_viewer_come(bench.server)
        wait(lambda: "ObicoDisconnected" in prometheus.alerts(), "the alert", PROMETHEUS_LIMIT_S)
        alert = prometheus.alerts()["ObicoDisconnected"]
        assert alert["state"] == "pending", "it is not five minutes yet"
        assert report in alert["annotations"]["description"]
        wait(
            lambda: not empty & empty_queries(prometheus),
            f"each of {empty} shows something now",
            PROMETHEUS_LIMIT_S,
        )


def empty_queries(prometheus: Prometheus) -> set[str]:
    """The dashboard's queries that show nothing now. One that is in error fails the test."""
    board = json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8"))
    empty = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$instance", ".*")
            if not prometheus.query(expression.replace("$__rate_interval", "1m")):
                empty.add(f"{panel['title']}, {target['refId']}")
    return empty


def test_prometheus_with_a_wrong_key(bench: Bench, tmp_path: Path) -> None:
    """It is told 403, and the alert for missing metrics begins."""
    with running_prometheus(bench, "0123456789ABCDEF", tmp_path) as prometheus:
        wait = bench.octoprint.wait_until
        wait(lambda: prometheus.value("up") == 0, "a scrape has failed", PROMETHEUS_LIMIT_S)
        wait(lambda: "ObicoMetricsMissing" in prometheus.alerts(), "the alert", PROMETHEUS_LIMIT_S)
