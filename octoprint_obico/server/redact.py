"""Keeps secrets out of everything that a person or a log may see.

Redaction happens where a message is made, at the boundary to a library; nothing that travels on
holds a secret, so nobody further on has to remember to remove it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

REDACTED = "REDACTED"

_MAX_LENGTH = 300
"""Characters of a message that are kept: enough to tell, not enough to flood a log."""

_SHORTEST_SECRET = 4
"""Anything shorter would stand in half of all words."""

_SHORTEST_ENCODED = 8
"""The same for a piece of Base64, which is made of the letters of all words."""

USER_INFO = re.compile(r"//[^<>\r\n]{0,300}@(?=[\w\[])")
"""User-info in an address: //user:password@host; up to the last @, as passwords hold all kinds."""

SECRET_NAMES = (
    r"[\w-]*(?:code|token|pass|passwd|password|pwd|secret|api[_-]?key|key|signature|session(?:id)?)"
    r"|auth|sid|sig"
)
"""Names in a query string, a form, or JSON whose values are secrets."""

SECRET_HEADERS = (
    r"(?:proxy-)?authorization|(?:x-)?api[_-]?key|x-[\w-]{0,30}(?:auth|key|secret|token)"
)
"""Names of headers whose values are secrets, beside cookies."""

# compiled at the first error, not at OctoPrint's start
_PATTERNS: tuple[tuple[str, str], ...] = (
    (USER_INFO.pattern, f"//{REDACTED}@"),
    # a credential with its scheme, as it stands in a header
    (r"(?i)\b(bearer|token|basic|digest)\s+[A-Za-z0-9+/=._~-]{8,}", rf"\1 {REDACTED}"),
    (
        rf"(?i)\b((?:set-)?cookie|{SECRET_HEADERS})\b(['\"]?\s*[:=]\s*)[^\r\n]+",
        rf"\1\2{REDACTED}",
    ),
    # the looks behind begin at a name's first character alone, which keeps long runs cheap
    (rf"(?i)(?<![\w-])({SECRET_NAMES})=[^&\s'\"]+", rf"\1={REDACTED}"),
    (rf"(?i)([\"'](?:{SECRET_NAMES})[\"']\s*:\s*[\"'])[^\"']*", rf"\1{REDACTED}"),
)


def redact(text: object, *secrets: str | None) -> str:
    """Return `text` without the given secrets and without what looks like one, on one line, capped.

    Args:
        text: anything; it is turned into a string.
        secrets: exact values that must not appear (the token); empty ones are passed over.
    """
    result = without_secrets(str(text), *secrets)
    result = " ".join("".join(c if c.isprintable() else " " for c in result).split())
    return result if len(result) <= _MAX_LENGTH else result[: _MAX_LENGTH - 1] + "…"


def without_secrets(text: str, *secrets: str | None) -> str:
    """The same, with lines and length as they are."""
    result = _without(text, _all_forms(secrets))
    for pattern, replacement in _PATTERNS:
        result = re.sub(pattern, replacement, result)
    return result


def redact_all(value: Any, *secrets: str | None) -> Any:
    """Return a copy of a JSON-like value without the given secrets, nor user-info in an address.

    The last look over a whole that was redacted where it was made. It leaves words alone: a
    sentence for people may well have "token" in it.
    """
    return _redacted(value, _all_forms(secrets))


def forms_of(secret: str) -> list[str]:
    """The ways in which an answer or a log may show a secret again, the longest first.

    As it is, in Base64 (of whatever it is a part of), percent-encoded, and escaped in JSON. Nothing
    where it is too short to be told from a word.
    """
    if len(secret) < _SHORTEST_SECRET:
        return []
    percent = quote(secret, safe="", errors="replace")
    forms = {secret, percent, re.sub("%..", lambda code: code[0].lower(), percent)}
    forms.update(json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    for piece in _in_base64(secret.encode("utf-8", "replace")):
        if len(piece) >= _SHORTEST_ENCODED:
            forms.update((piece, piece.replace("+", "-").replace("/", "_")))
    return sorted(forms, key=len, reverse=True)


def _in_base64(data: bytes) -> Iterator[str]:
    """What `data` is in Base64 alone, and inside of longer data: there it begins at one of three
    places in a group of four characters, and shares its first and last ones with its neighbours."""
    yield base64.b64encode(data).decode("ascii")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode("ascii")
        first = (0, 2, 3)[before]
        after = (0, 3, 2)[(before + len(data)) % 3]
        yield encoded[first : len(encoded) - after]


def _all_forms(secrets: Iterable[str | None]) -> list[str]:
    return [form for secret in secrets if secret for form in forms_of(secret)]


def _redacted(value: Any, forms: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {str(key): _redacted(item, forms) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(item, forms) for item in value]
    if isinstance(value, str):
        return USER_INFO.sub(f"//{REDACTED}@", _without(value, forms))
    return value


def _without(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        text = text.replace(form, REDACTED)
    return text
