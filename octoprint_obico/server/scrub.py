"""The last look over what leaves the house: secrets, and what tells who and where somebody is.

What is shown at home was redacted where it was made (:mod:`.redact`). A file for strangers is
looked through once more, as a whole, for that and for what is no secret at home: addresses of mail
and of the Internet, hardware addresses, and names of people in paths.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, Union
from urllib.parse import parse_qsl, quote, unquote

from .redact import SECRET_HEADERS, SECRET_NAMES, USER_INFO, forms_of

_SHORTEST_PART = 8
"""Characters of a part of a broken secret, and of a password, that are looked for by themselves."""

_PIECE = 16 * 1024
"""Characters that are looked through at once."""

_IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
"""All that is given to anybody (RFC 4291 section 2.4); more would take "a::b" for an address."""
_DOCUMENTATION_V6 = (ipaddress.IPv6Network("2001:db8::/32"), ipaddress.IPv6Network("3fff::/20"))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# or the two that a remedy of ours names as examples
_IPV4 = re.compile(r"\b1\.1\.1\.1 \w+ 9\.9\.9\.9\b|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)")
_IPV6 = re.compile(r"(?:[0-9A-Fa-f]{0,4}:){2,}[0-9A-Fa-f]{0,4}")
_MOST_GROUPS = 10
"""Groups with colons of an address and its port; more are a fingerprint."""

# six pairs, neither the beginning nor the end of more of them: a fingerprint stays
_MAC = re.compile(
    r"(?<![0-9A-Fa-f])(?<!\b[0-9A-Fa-f]{2}[:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}"
    r"[0-9A-Fa-f]{2}(?![0-9A-Fa-f]|[:-][0-9A-Fa-f]{2}\b)"
)

# What shows that four numbers with dots between them are a version
_BEFORE_A_VERSION = re.compile(
    r"(?i)(?:\bversion[\"']?(?:\s*[:=]\s*|\s+)[\"']?|\bv|==|\b(?:OctoPrint|Python) "
    r"|\b(?:octoprint[\w-]*|python[\w-]*|urllib3|websocket-client|openssl|nginx|openresty|apache"
    r"|caddy|lighttpd|tornado[\w-]*|aiohttp|mjpg-streamer|ustreamer|goahead[\w-]*|boa|thttpd)/)\Z"
)
_LOOK_BACK = 40

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (USER_INFO, "//[user and password]@"),
    (re.compile(r"(?i)\b((?:set-)?cookie)\b(['\"]?\s*[:=]\s*)[^\r\n]+"), r"\1\2[cookie]"),
    (re.compile(rf"(?i)\b({SECRET_HEADERS})\b(['\"]?\s*[:=]\s*)[^\r\n]+"), r"\1\2[key]"),
    # A credential with its scheme. Words of a sentence may follow as well: a credential is one with
    # digits, with capitals inside, or longer than words are
    (
        re.compile(
            r"\b([Bb]earer|BEARER|[Tt]oken|TOKEN|[Bb]asic|BASIC|[Dd]igest|DIGEST)\s+"
            r"(?=[A-Za-z+/=._~-]*(?:\d|[a-z][A-Z])|\S{20})[A-Za-z0-9+/=._~-]{8,}"
        ),
        r"\1 [token]",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), "[token]"),
    # the form of a printer's token (PROTOCOL section 1): also one that is not known here
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{20}(?![0-9A-Za-z])"), "[token]"),
    (re.compile(rf"(?i)(?<![\w-])({SECRET_NAMES})(=|%3D)(?!\[)[^&\s'\"]+"), r"\1\2[key]"),
    (
        re.compile(
            rf"(?i)((?<!\\)\\*[\"'](?:{SECRET_NAMES})\\*[\"']\s*:\s*\\*[\"'])(?!\[)[^\"'\\]+"
        ),
        r"\1[key]",
    ),
    (re.compile(r"(?i)\b(code\b[^\w\r\n]{1,3})\d{6}\b"), r"\1[code]"),
    (re.compile(r"(?<![\w.+%-])[\w.+%-]+(?:@|%40)(?:[\w%-]{1,200}\.){1,10}[\w-]{2,}"), "[e-mail]"),
    (re.compile(r"(?i)((?:/home|/Users|\b[a-z]:\\+Users)[/\\]+)[^/\\\s:'\"<>|]+"), r"\1[user]"),
)

_SECRET_KEY = re.compile(rf"(?i)(?:{SECRET_NAMES}|{SECRET_HEADERS}|(?:set-)?cookies?)\Z")
"""A member of a JSON object whose text is a secret."""


class Scrubber:
    """Looks through the texts of one bundle. The same address has the same number in all of them.

    Args:
        secrets: exact values by what they are, e.g. {"token": [...]}; that word stands for them.
        keep_ip: leave public IP addresses in.
        versions: versions that are installed here: no address, even where they look like one.
    """

    def __init__(
        self,
        secrets: Mapping[str, Iterable[str]],
        *,
        keep_ip: bool = False,
        versions: Collection[str] = (),
    ) -> None:
        self._known = [(f"[{kind}]", _any_of(values)) for kind, values in secrets.items()]
        self._keep_ip, self._versions = keep_ip, frozenset(versions)
        self._numbers: dict[str, dict[object, int]] = {}

    def text(self, text: str) -> str:
        """`text` without any of it; lines stay lines."""
        return "".join(map(self._piece, _pieces(text)))

    def _piece(self, text: str) -> str:
        for shown, pattern in self._known:
            text = pattern.sub(shown, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        text = _MAC.sub(self._mac, text)
        if not self._keep_ip:
            text = _IPV6.sub(self._ipv6, _IPV4.sub(self._ipv4, text))
        return text

    def value(self, value: Any) -> Any:
        """A JSON-like value without any of it, in its names as well."""
        if isinstance(value, Mapping):
            scrubbed: dict[str, Any] = {}
            for name, item in value.items():
                secret = isinstance(item, str) and item and _SECRET_KEY.match(str(name))
                shown = "[key]" if secret else self.value(item)
                scrubbed[_free_name(self.text(str(name)), scrubbed)] = shown
            return scrubbed
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(item) for item in value]
        if isinstance(value, bool) or value is None:
            return value
        if type(value) is int or type(value) is float:
            return value if isfinite(value) else None  # JSON knows no other numbers
        return self.text(str(value))

    def has_secret(self, text: str) -> bool:
        """Whether one of the given secrets is still in a text."""
        return any(pattern.search(piece) for piece in _pieces(text) for _, pattern in self._known)

    def _number(self, kind: str, item: object) -> str:
        numbers = self._numbers.setdefault(kind, {})
        return f"[{kind} {numbers.setdefault(item, len(numbers) + 1)}]"

    def _mac(self, found: re.Match[str]) -> str:
        return self._number("hardware address", found[0].lower().replace("-", ":"))

    def _ipv4(self, found: re.Match[str]) -> str:
        text = found[0]
        if " " in text:
            return text
        numbers = [int(part) for part in text.split(".")]
        if max(numbers) > 255 or text in self._versions:
            return text
        address = ipaddress.IPv4Address(bytes(numbers))
        before = found.string[max(0, found.start() - _LOOK_BACK) : found.start()]
        if not _is_public(address) or _BEFORE_A_VERSION.search(before):
            return text
        return self._number("public IP", address)

    def _ipv6(self, found: re.Match[str]) -> str:
        text = found[0]
        if "::" not in text and text.count(":") < 7:
            return text  # a time of day
        for start, end in _likely_parts(text):
            address = _as_ipv6(text[start:end])
            if address is not None:
                shown = text[start:end]
                if _is_public(address):
                    shown = self._number("public IP", _as_v4(address) or address)
                return text[:start] + shown + text[end:]
        return text


def _pieces(text: str) -> Iterator[str]:
    """`text` in pieces of whole lines: a search lets no other thread run before it ends."""
    piece, size = [], 0
    for line in text.splitlines(keepends=True):
        piece.append(line)
        size += len(line)
        if size > _PIECE:
            yield "".join(piece)
            piece, size = [], 0
    yield "".join(piece)


def _any_of(secrets: Iterable[str]) -> re.Pattern[str]:
    """What finds each of the secrets in all its forms; nothing where there is none."""
    forms: set[str] = set()
    for secret in secrets:
        # a token that was copied with line breaks is shown in parts
        parts = [part for part in re.split(r"[^\x21-\x7e]+", secret) if len(part) >= _SHORTEST_PART]
        for whole in (secret, *parts):
            forms.update(forms_of(whole))
            forms.update(quote(form, safe="") for form in forms_of(whole))
            if len(whole) >= _SHORTEST_PART:
                forms.update(form[::-1] for form in forms_of(whole))
            # one that was cut off at the end of a message that was too long; its beginning may also
            # be a word, as with octoprint1
            beginnings = (whole[:end] for end in range(_SHORTEST_PART, len(whole)))
            forms.update(beginning for beginning in beginnings if not beginning.isalpha())
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) if forms else r"(?!)", re.IGNORECASE)


def _free_name(name: str, taken: Collection[str]) -> str:
    """`name`, or with a number behind it where two have become the same."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def _likely_parts(text: str) -> Iterable[tuple[int, int]]:
    """Where an address may be in groups with colons: all of it, or without its neighbours."""
    if text.count(":") >= _MOST_GROUPS:
        return
    colons = [at for at, character in enumerate(text) if character == ":"]
    starts = [0, *(at + 1 for at in colons[:3])]
    ends = [len(text), *reversed(colons[-3:])]
    yield from ((start, end) for start in starts for end in ends if start < end)


def _as_ipv6(text: str) -> ipaddress.IPv6Address | None:
    try:
        return ipaddress.IPv6Address(text)
    except ValueError:
        return None


def _as_v4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address carries, as with ::ffff:1.2.3.4 and NAT64."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _is_public(address: _IPAddress) -> bool:
    """Whether an address tells where somebody is: neither private nor made for examples."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    inner = _as_v4(address)
    if inner is not None:
        return _is_public(inner)
    return address in _GLOBAL_V6 and not any(address in net for net in _DOCUMENTATION_V6)


def passwords_in(urls: Iterable[str]) -> list[str]:
    """The passwords in URLs, so far as they are no words that may stand elsewhere, too."""
    found: set[str] = set()
    for url in urls:
        base, _, query = url.partition("?")
        user_info, at, _ = base.partition("//")[2].rpartition("@")
        password = user_info.partition(":")[2] if at else ""
        values = [item for name, item in parse_qsl(query) if _SECRET_KEY.match(name)]
        found.update((password, unquote(password), *values))
    return sorted(each for each in found if len(each) >= _SHORTEST_PART and not each.isalpha())
