"""docs/monitoring: what is ready for use there is valid, and speaks of metrics that there are."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.core import CounterMetricFamily

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.channel_state import State
from octoprint_obico.session.status import ServerState
from octoprint_obico.web.collector import METRICS
from tests.promtool import MONITORING, promtool

EXPORTED = {
    *(s.name + ("_total" if s.family is CounterMetricFamily else "") for s in METRICS),
    "obico_build_info",
}
#: Prometheus' own, of each target and of each alert.
BUILT_IN = {"up", "ALERTS"}
#: What Grafana puts in place of its variables.
VARIABLES = {"$instance": "mk4|voron", "$__rate_interval": "2m"}


def load(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text("utf-8"))


RULES = load("obico.rules.yml")["groups"][0]["rules"]
RULE_TESTS = load("obico.rules.test.yml")["tests"]
SCRAPES = load("prometheus.yml")["scrape_configs"]
BOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8"))
TARGETS = [(panel["title"], target) for panel in BOARD["panels"] for target in panel["targets"]]
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def expressions() -> Iterator[tuple[str, str]]:
    """Where it stands, and the expression, of each that Prometheus or Grafana evaluates."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for title, target in TARGETS:
        yield title, filled(target["expr"])
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            selector = re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"])
            assert selector is not None
            yield variable["name"], selector.group(1)
    shown = (MONITORING / "README.md").read_text("utf-8")
    for line in re.findall(r"^ {4}(\S.*obico_\w+.*)$", shown, re.MULTILINE):
        yield "README.md", line


def filled(expression: str) -> str:
    """An expression of the dashboard after Grafana has put its variables in."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def test_configuration_is_valid(tmp_path: Path) -> None:
    """With key files where it says, which are never part of it."""
    for name in ("prometheus.yml", "obico.rules.yml"):
        shutil.copy(MONITORING / name, tmp_path)
    for scrape in SCRAPES:
        key = tmp_path / scrape["authorization"]["credentials_file"]
        key.parent.mkdir(exist_ok=True)
        key.write_text("0123456789")
    promtool("check", "config", "prometheus.yml", cwd=tmp_path)


def test_rules_are_valid() -> None:
    assert f"SUCCESS: {len(RULES)} rules found" in promtool("check", "rules", "obico.rules.yml")


def test_rules_do_what_they_are_for() -> None:
    promtool("test", "rules", "obico.rules.test.yml")


def test_a_broken_rule_is_noticed(tmp_path: Path) -> None:
    """promtool's word is worth something: with a changed limit the tests of the rules fail."""
    for name in ("obico.rules.yml", "obico.rules.test.yml"):
        shutil.copy(MONITORING / name, tmp_path)
    rules = tmp_path / "obico.rules.yml"
    changed = rules.read_text("utf-8").replace("> 0.2\n", "> 0.19\n")
    assert changed != rules.read_text("utf-8")
    rules.write_text(changed, "utf-8")
    with pytest.raises(AssertionError, match="voron"):
        promtool("test", "rules", "obico.rules.test.yml", cwd=tmp_path)


@each_rule
def test_each_alert_is_tested_both_ways(rule: dict[str, Any]) -> None:
    """There is a moment at which it fires, and one before or beside that at which it does not."""
    cases = [
        (test, case)
        for test in RULE_TESTS
        for case in test["alert_rule_test"]
        if case["alertname"] == rule["alert"]
    ]
    fired = [(test, case) for test, case in cases if case.get("exp_alerts")]
    assert fired
    # its series of other instances are those for which it has to be silent
    silent = [case for _, case in cases if not case.get("exp_alerts")]
    others = [
        len({re.findall(r'instance="(\w+)"', s["series"])[0] for s in test["input_series"]})
        > len(case["exp_alerts"])
        for test, case in fired
    ]
    assert silent or all(others)


@each_rule
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """For whom, how bad, and where the report is."""
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    summary = rule["annotations"]["summary"]
    assert summary.startswith("{{ $labels.instance }}")
    assert len(re.findall(r"[.?!](?: |$)", summary)) >= 2, "what has happened, and what to do"
    assert "{{ $labels.report_url }}" in rule["annotations"]["description"]


def test_every_cause_state_and_channel_is_one_that_there_is() -> None:
    """A misspelt value would never match, and nobody would notice."""
    known: dict[str, set[str]] = {
        "cause": {cause.value for cause in Cause},
        "state": {state.value for state in ServerState},
        "channel": {"http", "websocket", "plugin", "webcam:classic"},
        "part": {"server", "webcam"},
        "window": {"session", "24h"},
        "alertname": {rule["alert"] for rule in RULES},
        "alertstate": {"firing"},
        "job": {scrape["job_name"] for scrape in SCRAPES},
        "instance": {"mk4"},
    }
    seen = 0
    for where, expression in expressions():
        for label, operator, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', expression):
            values = known[label]
            if operator == "=~":
                assert any(re.fullmatch(value, each) for each in values), (where, value)
                assert all(
                    any(re.fullmatch(part, each) for each in values)
                    for part in (value.split("|") if "(" not in value else [value])
                    if label != "instance"
                ), (where, value)
            else:
                assert value in values, (where, value)
            seen += 1
    assert seen > 30
    assert State.CONNECTED.value not in known["state"]  # the rows are told apart


def test_every_metric_is_exported() -> None:
    for where, expression in expressions():
        words = re.sub(r'"[^"]*"', "", re.sub(r"\{[^}]*\}", "", expression))
        names = set(re.findall(r"\b(?:obico_\w+|up|ALERTS)\b", words))
        assert names, (where, expression)
        assert names <= EXPORTED | BUILT_IN, where


def test_no_metric_is_without_use() -> None:
    """What neither an alert nor the dashboard shows is explained in README.md at least."""
    told = "\n".join(expression for _, expression in expressions())
    assert len([name for name in EXPORTED if name in told]) >= len(EXPORTED) - 3


def test_expressions_can_be_parsed(tmp_path: Path) -> None:
    """Those of the dashboard, by Prometheus' own parser: as rules."""
    rules = [{"record": f"e{n}", "expr": expr} for n, (_, expr) in enumerate(expressions())]
    file = tmp_path / "expressions.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "expressions", "rules": rules}]}), "utf-8")
    said = promtool("check", "rules", str(file))
    assert f"{len(rules)} rules found" in said
    assert len(rules) > len(RULES) + len(BOARD["panels"])


def test_every_key_stays_in_its_file() -> None:
    """And goes to the address that was configured, nowhere else."""
    assert len(SCRAPES) > 1
    for scrape in SCRAPES:
        assert set(scrape["authorization"]) == {"credentials_file"}
        assert scrape["follow_redirects"] is False
        assert scrape["metrics_path"].endswith("/plugin/obico/metrics")
        assert "params" not in scrape
    files = [scrape["authorization"]["credentials_file"] for scrape in SCRAPES]
    assert len(set(files)) == len(files)


def test_panels_lie_side_by_side() -> None:
    """On Grafana's grid of 24 columns, none over another, each with its own number."""
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    # nothing but full rows: no holes
    assert len(taken) == 24 * (max(y for _, y in taken) + 1)


def test_panels_use_the_chosen_data_source() -> None:
    """No data source of the machine where the dashboard was made."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert {variable["name"] for variable in BOARD["templating"]["list"]} == {
        "datasource",
        "instance",
    }
    for panel in BOARD["panels"]:
        assert panel["datasource"] == chosen
        assert panel["description"] and panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        assert all(target["datasource"] == chosen for target in panel["targets"])


@pytest.mark.parametrize(("title", "target"), TARGETS, ids=lambda value: str(value)[:20])
def test_panels_follow_the_chosen_printers(title: str, target: dict[str, Any]) -> None:
    selectors = re.findall(r"\{([^}]*)\}", target["expr"])
    assert selectors
    assert all('instance=~"$instance"' in selector for selector in selectors), title
