"""What a token may look like: opaque, but it has to fit into a header (PROTOCOL section 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .causes import Cause
from .errors import ChannelError, Stage

_USABLE = re.compile(r"[\x21-\x7e]{1,256}")


def is_usable(token: object) -> bool:
    """Whether a value can be a printer's token."""
    return isinstance(token, str) and _USABLE.fullmatch(token) is not None


def check_token(token: str | None, facts: Mapping[str, Any]) -> None:
    """Raise ChannelError `credentials_invalid` for a token that cannot even be sent."""
    if token and not is_usable(token):
        message = "the stored token has characters that no token has"
        raise ChannelError(Cause.CREDENTIALS_INVALID, Stage.REQUEST, message, facts)
