"""The catalogue as a page to look things up in: its groups, and what each cause leads to.

One model for the page that the plugin serves and for ``docs/causes.md``, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import NamedTuple

from ..server.causes import CREDENTIAL_CAUSES, Cause
from .catalogue import CATALOGUE, N_
from .result import Verdict
from .texts import HEADLINES, Translate


@dataclass(frozen=True)
class Group:
    """Causes that belong together: all of the catalogue from `first` to the next group's first.

    Attributes:
        id: the group's anchor, which is no cause's id.
        verdict: what TEST says of them; None where they change no verdict.
    """

    id: str
    title: str
    first: Cause
    verdict: Verdict | None


_FAILED = Verdict.FAILED_TO_CONTACT_SERVER

GROUPS: tuple[Group, ...] = (
    Group("address", N_("Address"), Cause.ADDRESS_MISSING, _FAILED),
    Group("network", N_("This computer and its network"), Cause.NETWORK_DOWN, _FAILED),
    Group("name", N_("Name resolution"), Cause.DNS_NAME_NOT_FOUND, _FAILED),
    Group("connecting", N_("Connecting"), Cause.CONNECTION_REFUSED, _FAILED),
    Group("tls", N_("Encryption (TLS)"), Cause.TLS_CERTIFICATE_EXPIRED, _FAILED),
    Group("http", N_("HTTP"), Cause.RESPONSE_TIMED_OUT, _FAILED),
    Group("credentials", N_("Credentials"), Cause.NOT_LINKED, _FAILED),
    Group("websocket", N_("WebSocket"), Cause.WEBSOCKET_REFUSED, Verdict.WEBSOCKET_FAILED),
    Group("webcam", N_("Webcam"), Cause.WEBCAM_NOT_CONFIGURED, None),
    Group("other", N_("None of these"), Cause.UNKNOWN_ERROR, _FAILED),
)

_ONLY_WARNED = N_("Usually a warning beside the verdict, whatever that is.")
_LEADS_TO: Mapping[Cause, str] = {
    Cause.WIFI_SIGNAL_WEAK: _ONLY_WARNED,
    Cause.PACKET_LOSS: _ONLY_WARNED,
    Cause.HIGH_LATENCY: _ONLY_WARNED,
    Cause.POWER_UNDERVOLTAGE: _ONLY_WARNED,
    Cause.IPV6_BROKEN: _ONLY_WARNED,
    Cause.CLOCK_WRONG: N_(
        "A warning where the connection works; the cause of “Failed to contact server” where the "
        "server's certificate is refused because of it."
    ),
    Cause.UNKNOWN_ERROR: N_("The verdict is that of the check in which it was met."),
}
"""What is not as in the rest of the group (the column W of the DIAGNOSIS contract)."""

_NO_VERDICT = N_("Told beside the verdict, which a webcam never changes.")
_VERDICT = N_("TEST says: {headline}")

BLANKS: Mapping[str, str] = {
    "address": N_("address"),
    "addresses": N_("addresses"),
    "amount": N_("so many"),
    "code": N_("code"),
    "detail": N_("what was seen"),
    "direction": N_("ahead or behind"),
    "error": N_("the error"),
    "gateway": N_("its address"),
    "host": N_("host"),
    "interface": N_("interface"),
    "location": N_("another address"),
    "looks_like": N_("something else"),
    "lost": N_("number"),
    "ms": N_("so many"),
    "names": N_("other names"),
    "new": N_("new address"),
    "percent": N_("number"),
    "port": N_("port"),
    "problem": N_("what is wrong with it"),
    "proxy": N_("proxy"),
    "reason": N_("reason"),
    "resolvers": N_("name servers"),
    "seconds": N_("so many"),
    "sent": N_("number"),
    "signal": N_("signal strength"),
    "status": N_("number"),
    "suggestion": N_("right address"),
    "unit": N_("minutes"),
    "url": N_("its URL"),
    "webcam": N_("name"),
    "when": N_("now or earlier"),
    "where": N_("where"),
    "which": N_("snapshot or stream URL"),
}
"""What stands for a placeholder where nothing was seen that could be filled in."""


class Piece(NamedTuple):
    """A part of a text; `blank` where a result shows what was seen."""

    text: str
    blank: bool


Text = tuple[Piece, ...]


@dataclass(frozen=True)
class Item:
    """One cause as the page shows it, translated."""

    id: str
    title: str
    leads_to: str
    meaning: Text
    remedy: tuple[Text, ...]


@dataclass(frozen=True)
class Section:
    """One group as the page shows it, translated."""

    id: str
    title: str
    items: tuple[Item, ...]


def sections(translate: Translate) -> list[Section]:
    """The whole catalogue in its order, in words."""
    return [
        Section(group.id, translate(group.title), tuple(_item(c, group, translate) for c in causes))
        for group, causes in _grouped()
    ]


def _grouped() -> Iterator[tuple[Group, list[Cause]]]:
    causes = list(CATALOGUE)
    starts = [causes.index(group.first) for group in GROUPS]
    for group, start, end in zip(GROUPS, starts, [*starts[1:], len(causes)]):
        yield group, causes[start:end]


def _item(cause: Cause, group: Group, translate: Translate) -> Item:
    entry = CATALOGUE[cause]
    return Item(
        cause.value,
        translate(entry.title),
        _leads_to(cause, group, translate),
        _pieces(entry.explanation, translate),
        tuple(_pieces(step, translate) for step in entry.remedy),
    )


def _leads_to(cause: Cause, group: Group, translate: Translate) -> str:
    if cause in _LEADS_TO:
        return translate(_LEADS_TO[cause])
    verdict = Verdict.INVALID_ACCOUNT_CREDENTIALS if cause in CREDENTIAL_CAUSES else group.verdict
    if verdict is None:
        return translate(_NO_VERDICT)
    return translate(_VERDICT).format(headline=translate(HEADLINES[verdict]))


def _pieces(text: str, translate: Translate) -> Text:
    """A translated text, with a word in place of each placeholder."""
    found: list[Piece] = []
    for literal, name, _, _ in Formatter().parse(translate(text)):
        if literal:
            found.append(Piece(literal, False))
        if name is not None:
            word = BLANKS.get(name, name)  # a translation may have one that we have not
            found.append(Piece(translate(word).replace("_", " "), True))
    return tuple(found)
