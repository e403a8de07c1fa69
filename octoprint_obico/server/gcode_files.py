"""The server's list of G-code files (PROTOCOL 2.6): which file a print is of."""

from __future__ import annotations

from typing import Any, NamedTuple

from .errors import ChannelError
from .http_channel import HttpChannel

PATH = "/api/v1/octo/g_code_files/"
TIMEOUT_S = 30.0


class GcodeFile(NamedTuple):
    """A file in the printer's local storage.

    Attributes:
        filename: its name for people.
        safe_filename: its name on the disk.
        signature: `md5:` and its hex digest.
        num_bytes: its size.
        path: within the storage; the app hands it back to print it again.
    """

    filename: str
    safe_filename: str
    signature: str
    num_bytes: int
    path: str


def expect_file(value: Any) -> bool:
    """Whether a JSON value is a record of the server's list."""
    number = value.get("id") if isinstance(value, dict) else None
    return isinstance(number, int) and not isinstance(number, bool) and number > 0


def register(channel: HttpChannel, file: GcodeFile) -> int:
    """Tell the server of a file, new or known; return the number of its record.

    Raises:
        ChannelError: see :func:`is_unwanted`.
    """
    fields = {
        "filename": file.filename,
        "safe_filename": file.safe_filename,
        "agent_signature": file.signature,
        "num_bytes": file.num_bytes,
        "url": file.path,
    }
    answer = channel.call(
        "POST", PATH, expect_file, timeout_s=TIMEOUT_S, optional=True, json=fields
    )
    number: int = answer["id"]
    return number


def rename(channel: HttpChannel, number: int, signature: str, safe_filename: str) -> None:
    """Tell the server how a file of its own is kept here. Raises ChannelError."""
    fields = {"agent_signature": signature, "safe_filename": safe_filename}
    channel.call(
        "PATCH",
        f"{PATH}{number}/",
        expect_file,
        timeout_s=TIMEOUT_S,
        optional=True,
        json=fields,
    )


def is_unwanted(error: ChannelError) -> bool:
    """Whether the server answered, and would answer the same to the same call again."""
    return error.facts.get("status") in HttpChannel.NOT_OFFERED
