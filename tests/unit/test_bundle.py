"""The bundle's making: every file by itself, looked through, bounded, and a zip like any other."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.installation import LIBRARIES, describe, version_numbers
from octoprint_obico.server.scrub import Scrubber
from octoprint_obico.session.bundle import (
    LEFT_OUT,
    MAX_FILE,
    Section,
    file_name,
    make_file,
    make_files,
    packed,
)

TOKEN = "0123456789abcdef0123"
NOON = 1_769_860_800.0
"""2026-01-31T12:00:00Z."""


def section(name: str, make: Callable[[], Any]) -> Section:
    return Section(name, "Title", "What is in it.", make)


def scrubber() -> Scrubber:
    return Scrubber({"token": [TOKEN]})


def test_a_text_and_a_json_file() -> None:
    files = make_files(
        [
            section("a.txt", lambda: f"token {TOKEN}, 8.8.8.8\nä"),
            section("b.json", lambda: {"at": ("8.8.8.8", TOKEN)}),
        ],
        scrubber(),
    )
    assert files[0].data.decode() == "token [token], [public IP 1]\nä"
    assert json.loads(files[1].data) == {"at": ["[public IP 1]", "[token]"]}
    assert [file.problem for file in files] == ["", ""]


def test_one_that_fails_does_not_spoil_the_others() -> None:
    def fail() -> Any:
        raise KeyError(f"no {TOKEN} of jane@example.org at 8.8.8.8\nsecond line")

    names = ("a.txt", "b.json", "c.txt")
    makers = (fail, fail, lambda: "fine")
    files = make_files(map(section, names, makers), scrubber())
    problem = "KeyError: 'no [token] of [e-mail] at [public IP 1]\\nsecond line'"
    assert [file.problem for file in files] == [problem, problem, ""]
    assert files[0].data.decode() == f"This part could not be made. {problem}\n"
    assert json.loads(files[1].data) == {"schema": 1, "error": problem}
    assert files[1].data.count(b"\n") == 1
    assert files[2].data == b"fine"


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), b"bytes", {"a": {"b": object()}}, float("inf")]
)
def test_a_value_that_is_no_json_makes_a_file_all_the_same(value: Any) -> None:
    file = make_file(section("a.json", lambda: value), scrubber())
    assert file.problem == ""
    json.loads(file.data)


def test_endless_nesting_stays_in_its_file() -> None:
    value: list[Any] = []
    value.append(value)
    file = make_file(section("a.json", lambda: value), scrubber())
    assert "RecursionError" in file.problem
    assert json.loads(file.data)["error"] == file.problem


def test_a_file_that_is_too_large_is_left_out() -> None:
    file = make_file(section("a.txt", lambda: "x y " * (MAX_FILE // 4 + 1)), scrubber())
    assert file.problem.startswith("ValueError: too large")
    assert len(file.data) < 500


class Careless(Scrubber):
    """One that finds nothing: then the last look has to."""

    def text(self, text: str) -> str:
        return text


def test_a_file_in_which_a_secret_is_found_at_the_end_is_left_out() -> None:
    careless = Careless({"token": [TOKEN]})
    files = make_files(
        [section("a.json", lambda: {"a": TOKEN}), section("b.txt", lambda: TOKEN)], careless
    )
    assert [file.problem for file in files] == [LEFT_OUT, LEFT_OUT]
    assert not [file for file in files if TOKEN.encode() in file.data]


def test_the_zip() -> None:
    files = make_files([section("a.txt", lambda: "ä" * 1000), section("b.json", dict)], scrubber())
    with zipfile.ZipFile(io.BytesIO(packed(files, NOON))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "b.json"]
        assert archive.read("a.txt").decode() == "ä" * 1000
        for info in archive.infolist():
            assert info.date_time == (2026, 1, 31, 12, 0, 0)
            assert info.external_attr >> 16 == 0o100644
        assert archive.getinfo("a.txt").compress_size < 500


def test_the_zip_of_a_computer_without_a_clock() -> None:
    with zipfile.ZipFile(io.BytesIO(packed([], 0.0))) as archive:
        assert archive.namelist() == []
    file = make_file(section("a.txt", lambda: ""), scrubber())
    with zipfile.ZipFile(io.BytesIO(packed([file], 0.0))) as archive:
        assert archive.infolist()[0].date_time[0] == 1980


def test_the_name_of_the_file() -> None:
    assert file_name(NOON) == "obico-support-20260131T120000Z.zip"


def test_the_installation() -> None:
    described = describe({"plugin": "3.0.0", "octoprint": "1.11.8"}, 61.4)
    assert json.loads(json.dumps(described)) == described
    assert set(described["libraries"]) == set(LIBRARIES)
    assert described["libraries"]["requests"].count(".") >= 1
    assert described["openssl"].partition(" ")[0] in ("OpenSSL", "LibreSSL")
    assert (described["plugin"], described["octoprint"]) == ("3.0.0", "1.11.8")
    assert described["session_s"] == 61
    assert described["os"] and described["machine"] and described["platform"]
    assert described["virtual_environment"] in (True, False)
    assert {"3.0.0", "1.11.8", described["python"]} <= version_numbers(described)
    kernel = {**described, "platform": "Linux-5.10.103.1-v7l+"}
    assert "5.10.103.1" in version_numbers(kernel)
    assert None not in version_numbers(describe({}, 0.0))


@given(st.recursive(st.text() | st.floats() | st.none(), lambda inner: st.lists(inner)))
def test_json_is_json_whatever_is_in_it(value: Any) -> None:
    file = make_file(section("a.json", lambda: value), scrubber())
    json.loads(file.data)
    assert TOKEN.encode() not in file.data
