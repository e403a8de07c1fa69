"""The page of all causes: complete, up to date, and where the results' links lead."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from string import Formatter

import pytest

from octoprint_obico.diagnosis.catalogue import CATALOGUE
from octoprint_obico.diagnosis.groups import BLANKS, GROUPS, Piece, Section, sections
from octoprint_obico.diagnosis.texts import CAUSES_URL, HEADLINES, HELP_URL, help_url
from octoprint_obico.server.causes import CREDENTIAL_CAUSES, Cause
from tools import cause_pages

ROOT = Path(__file__).resolve().parent.parent.parent
ITEMS = {item.id: item for section in sections(str) for item in section.items}


def test_the_page_is_what_the_catalogue_says() -> None:
    """`make docs` writes it."""
    assert cause_pages.main(["--check"]) == 0


def test_a_page_out_of_date_is_noticed_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cause_pages, "PAGE", tmp_path / "causes.md")
    monkeypatch.setattr(cause_pages, "ROOT", tmp_path)
    assert cause_pages.main(["--check"]) == 1
    assert "make docs" in capsys.readouterr().err
    assert not cause_pages.PAGE.exists()
    assert cause_pages.main([]) == 0
    assert cause_pages.main(["--check"]) == 0
    assert cause_pages.main(["--nonsense"]) == 64


def test_each_cause_is_there_once_and_in_order() -> None:
    assert list(ITEMS) == [cause.value for cause in CATALOGUE]
    text = cause_pages.page()
    anchors = re.findall(r'<a id="([a-z_0-9]+)"></a>', text)
    assert len(anchors) == len(set(anchors)), "no group has the id of a cause"
    assert set(anchors) == {*ITEMS, *(group.id for group in GROUPS)}


@pytest.mark.parametrize("cause", Cause, ids=str)
def test_an_entry_says_all_that_the_catalogue_says(cause: Cause) -> None:
    item, entry = ITEMS[cause.value], CATALOGUE[cause]
    assert item.title == entry.title
    assert len(item.remedy) == len(entry.remedy)
    for pieces, text in zip((item.meaning, *item.remedy), (entry.explanation, *entry.remedy)):
        plain = "".join("\0" if piece.blank else piece.text for piece in pieces)
        assert plain == re.sub(r"\{\w+\}", "\0", text).replace("{{", "{").replace("}}", "}")
        assert all(piece.text and "_" not in piece.text for piece in pieces if piece.blank)


def test_what_each_leads_to() -> None:
    def said(*groups: str) -> set[str]:
        found = [section for section in sections(str) if section.id in groups]
        return {item.leads_to for section in found for item in section.items}

    assert said("name", "connecting", "tls", "http") == {"TEST says: Failed to contact server"}
    assert said("websocket") == {f"TEST says: {list(HEADLINES.values())[3]}"}
    assert said("webcam") == {"Told beside the verdict, which a webcam never changes."}
    for cause in CREDENTIAL_CAUSES:
        assert ITEMS[cause.value].leads_to == "TEST says: Invalid account credentials"
    assert ITEMS["authorization_stripped"].leads_to == "TEST says: Failed to contact server"
    assert "warning" in ITEMS["packet_loss"].leads_to
    assert "warning" in ITEMS["clock_wrong"].leads_to


def test_each_placeholder_has_a_word_of_its_own() -> None:
    """The table is in octoprint_obico/diagnosis/groups.py."""
    texts = [t for e in CATALOGUE.values() for t in (e.title, e.explanation, *e.remedy)]
    names = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    assert names == set(BLANKS)


def test_the_page_can_be_translated_whole() -> None:
    """Not a word of a section comes past the translation."""

    def shout(text: str) -> str:
        parts = re.split(r"(\{\w+\})", text)
        return "".join(part if part.startswith("{") else part.upper() for part in parts)

    for section in sections(shout):
        for text in words(section):
            assert text == text.upper() or "{" in text, text


def words(section: Section) -> list[str]:
    pieces = chain.from_iterable((*item.remedy, item.meaning) for item in section.items)
    texts = [piece.text for text in pieces for piece in text]
    return [section.title, *texts, *(item.title for item in section.items)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a * b", r"a \* b"),
        ("<b>[x](y)", r"\<b>\[x\](y)"),
        ("$http_upgrade; $x", r"\$http_upgrade; \$x"),
        ("_odd_ `code`", r"\_odd\_ \`code\`"),
    ],
)
def test_a_text_is_no_markup(text: str, shown: str) -> None:
    assert cause_pages.escaped(text) == shown
    assert cause_pages.markdown((Piece("To ", False), Piece("host", True))) == "To *host*"


def test_a_result_links_to_its_entry() -> None:
    assert help_url("dns_timeout") == f"{CAUSES_URL}#dns_timeout"
    assert help_url(None) == HELP_URL
    assert CAUSES_URL.startswith("https://") and CAUSES_URL.endswith("/docs/causes.md")


def test_the_project_says_the_same_address() -> None:
    """pyproject.toml is where the project's addresses stand."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r'(?m)^Documentation = "(.+)"$', project) == [CAUSES_URL]
