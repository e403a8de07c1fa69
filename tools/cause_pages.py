"""Writes docs/causes.md, the page of all causes, from the catalogue of the diagnosis.

usage: .venv/bin/python tools/cause_pages.py [--check]

With ``--check`` nothing is written; it ends with 1 where the page is not what it would write. The
plugin serves the same page itself, for who is offline: octoprint_obico/web/causes.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# the plugin may be not installed, and this file's folder is no place for modules
sys.path[0] = str(ROOT)

from octoprint_obico.diagnosis.groups import Item, Piece, sections  # noqa: E402

PAGE = ROOT / "docs" / "causes.md"

_INTRODUCTION = """\
<!-- Written by tools/cause_pages.py from octoprint_obico/diagnosis/catalogue.py: do not edit. -->
# Causes and remedies

Everything that the TEST of Obico for OctoPrint can find, what it means and what to do. The ids are
stable: search for them, link to them, quote them. Words in *italics* stand for what TEST has seen,
which it puts in itself. The plugin serves this page, too: `/plugin/obico/causes`, below OctoPrint's
address.
"""

#: What Markdown, and GitHub's mathematics, would take for something else than text.
_MARKUP = re.compile(r"[\\`*<\[\]$|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def page() -> str:
    """The whole page in Markdown."""
    found = sections(str)
    lines = [_INTRODUCTION]
    lines += [f"- [{section.title}](#{section.id})" for section in found]
    for section in found:
        lines += ["", f'<a id="{section.id}"></a>', f"## {section.title}"]
        for item in section.items:
            lines += ["", *_entry(item)]
    return "\n".join(lines) + "\n"


def _entry(item: Item) -> Iterator[str]:
    yield f'<a id="{item.id}"></a>'
    yield f"### {escaped(item.title)}: `{item.id}`"
    yield ""
    yield markdown(item.meaning)
    yield ""
    yield from (f"{number}. {markdown(step)}" for number, step in enumerate(item.remedy, 1))
    yield ""
    yield escaped(item.leads_to)


def markdown(pieces: Sequence[Piece]) -> str:
    """A text with its blanks in italics."""
    return "".join(
        f"*{escaped(piece.text)}*" if piece.blank else escaped(piece.text) for piece in pieces
    )


def escaped(text: str) -> str:
    """A text that Markdown shows as it is."""
    return _MARKUP.sub(lambda found: "\\" + found.group(), text)


def main(arguments: Sequence[str]) -> int:
    """Write the page, or compare it; the exit status is 0 where it is right."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 64
    wanted = page()
    current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if wanted == current:
        return 0
    if arguments:
        print(f"{PAGE.relative_to(ROOT)} is out of date: make docs", file=sys.stderr)
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
