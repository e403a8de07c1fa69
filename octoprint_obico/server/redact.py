"""Keeps secrets out of everything that a person or a log may see.

Redaction happens where a message is made, at the boundary to a library; nothing that travels on
holds a secret, so nobody further on has to remember to remove it.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "REDACTED"

_MAX_LENGTH = 300
"""Characters of a message that are kept: enough to tell, not enough to flood a log."""

_SHORTEST_SECRET = 4
"""Anything shorter would stand in half of all words."""

# user-info in an address: //user:password@host; up to the last @, as passwords hold all kinds
_USER_INFO = re.compile(r"//[^<>\r\n]{0,300}@(?=[\w\[])")

_NAMES = r"[\w-]*(?:code|token|pass|passwd|password|pwd|secret|api_?key|key)"

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_USER_INFO, f"//{REDACTED}@"),
    # a credential with its scheme, as it stands in a header
    (re.compile(r"(?i)\b(bearer|token|basic|digest)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {REDACTED}"),
    (
        re.compile(r"(?i)\b(set-cookie|cookie|authorization)\b(['\"]?\s*[:=]\s*)[^\r\n]+"),
        rf"\1\2{REDACTED}",
    ),
    # secrets in a query string, a form, or JSON
    (re.compile(rf"(?i)\b({_NAMES})=[^&\s'\"]+"), rf"\1={REDACTED}"),
    (re.compile(rf"(?i)([\"']{_NAMES}[\"']\s*:\s*[\"'])[^\"']*"), rf"\1{REDACTED}"),
)


def redact(text: object, *secrets: str | None) -> str:
    """Return `text` without the given secrets and without what looks like one, on one line, capped.

    Args:
        text: anything; it is turned into a string.
        secrets: exact values that must not appear (the token); empty ones are passed over.
    """
    result = _without(str(text), secrets)
    for pattern, replacement in _PATTERNS:
        result = pattern.sub(replacement, result)
    result = " ".join("".join(c if c.isprintable() else " " for c in result).split())
    return result if len(result) <= _MAX_LENGTH else result[: _MAX_LENGTH - 1] + "…"


def redact_all(value: Any, *secrets: str | None) -> Any:
    """Return a copy of a JSON-like value without the given secrets, nor user-info in an address.

    The last look over a whole that was redacted where it was made. It leaves words alone: a
    sentence for people may well have "token" in it.
    """
    if isinstance(value, dict):
        return {str(key): redact_all(item, *secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_all(item, *secrets) for item in value]
    if isinstance(value, str):
        return _USER_INFO.sub(f"//{REDACTED}@", _without(value, secrets))
    return value


def _without(text: str, secrets: tuple[str | None, ...]) -> str:
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, REDACTED)
    return text
