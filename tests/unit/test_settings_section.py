"""Which status carries the settings section: with the first, on change, every half an hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from octoprint_obico.printer.settings_section import EVERY_S, SettingsSection


class World:
    """A clock, what the host tells, and the section under test."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: Any = {"agent": {"name": "octoprint_obico"}}
        self.asked = 0
        self.section = SettingsSection(lambda: self.now)

    def build(self) -> Mapping[str, Any]:
        self.asked += 1
        if isinstance(self.told, Exception):
            raise self.told
        told: Mapping[str, Any] = self.told
        return told

    def due(self, first: bool = False) -> Mapping[str, Any] | None:
        section, error = self.section.due(first, self.build)
        assert error is None
        return section


@pytest.fixture
def world() -> World:
    made = World()
    assert made.due(first=True) == made.told
    return made


def test_not_with_each_status(world: World) -> None:
    world.now += 100.0
    assert world.due() is None
    assert world.asked == 1, "nor is it built for nothing"


def test_with_each_connections_first(world: World) -> None:
    assert world.due(first=True) == world.told
    assert world.due() is None


def test_every_half_an_hour(world: World) -> None:
    world.now += EVERY_S - 1
    assert world.due() is None
    world.now += 1
    assert world.due() == world.told
    assert world.due() is None


@pytest.mark.parametrize("event", ["SettingsUpdated", "PrinterProfileModified"])
def test_change_is_sent_once(world: World, event: str) -> None:
    world.told = {"agent": {}, "webcams": []}
    assert world.due() is None, "nobody said that anything has changed"
    assert world.section.on_event(event, None)
    assert world.due() == {"agent": {}, "webcams": []}
    assert world.due() is None


def test_saving_without_a_change_is_none(world: World) -> None:
    world.section.on_event("SettingsUpdated", None)
    assert world.due() is None
    assert world.asked == 2


def test_other_events_change_nothing(world: World) -> None:
    world.told = {"other": 1}
    assert not world.section.on_event("PrintStarted", {})
    assert world.due() is None


def test_what_the_printer_says_of_itself(world: World) -> None:
    data = {"FIRMWARE_NAME": "Marlin", "MACHINE_TYPE": "X"}
    world.section.on_event("FirmwareData", {"name": "Marlin", "data": data})
    assert world.due() == {**world.told, "printer_metadata": data}


@pytest.mark.parametrize(
    ("payload", "metadata"),
    [
        ({"name": "Klipper", "data": {}}, {"FIRMWARE_NAME": "Klipper"}),
        ({"name": "Klipper"}, {"FIRMWARE_NAME": "Klipper"}),
        ({"name": "a", "data": {"FIRMWARE_NAME": "b"}}, {"FIRMWARE_NAME": "b"}),
        ({"name": None, "data": {"A": object}}, {"A": "<class 'object'>"}),
        (None, None),
        ({}, None),
        ({"name": None, "data": ["x"]}, None),
    ],
)
def test_odd_firmware(world: World, payload: Any, metadata: Any) -> None:
    world.section.on_event("FirmwareData", payload)
    assert (world.due(first=True) or {}).get("printer_metadata") == metadata


def test_endless_firmware_is_bounded(world: World) -> None:
    data = {f"CAP:{number}": "x" * 10_000 for number in range(10_000)}
    world.section.on_event("FirmwareData", {"name": "a", "data": data})
    section = world.due()
    assert section is not None
    assert len(str(section)) < 50_000


@pytest.mark.parametrize("first", [True, False])
def test_section_that_cannot_be_built_is_tried_again(world: World, first: bool) -> None:
    good = {"agent": {"name": "other"}}
    world.told = ValueError("a plugin's fault")
    world.section.on_event("SettingsUpdated", None)
    section, error = world.section.due(first, world.build)
    assert section is None
    assert isinstance(error, ValueError)
    world.told = good
    assert world.due() == good
    assert world.due() is None


def test_what_changes_while_it_is_built_is_seen_the_next_time(world: World) -> None:
    def build() -> Mapping[str, Any]:
        world.section.on_event("SettingsUpdated", None)
        return {"a": 1}

    world.section.on_event("SettingsUpdated", None)
    assert world.section.due(False, build) == ({"a": 1}, None)
    world.told = {"a": 2}
    assert world.due() == {"a": 2}
