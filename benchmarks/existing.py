"""What the plugin that users have today does when TEST is pressed, as a program of its own.

One GET of the printer's API with the token and a time-out of 30 s; what it says depends on nothing
but the status (read in OctoPrint-Obico 2.6.1). Prints one JSON document: seconds and answer.

It follows redirects as `requests` does, but no further than this computer: a benchmark talks to
nobody, so other names are not looked up and count as not found.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

import requests

PATH = "/api/v1/octo/printer/"
TIMEOUT_S = 30

_BY_STATUS = {200: "Succeeded", 401: "Invalid account credentials"}


def answer(url: str, token: str) -> str:
    """What it could say, with what it knows in brackets."""
    headers = {"Authorization": f"Token {token}"}
    try:
        status = requests.get(f"{url}{PATH}", headers=headers, timeout=TIMEOUT_S).status_code
    except (requests.RequestException, ValueError) as error:
        return f"Failed to contact server ({type(error).__name__})"
    return _BY_STATUS.get(status, f"Something went wrong (status {status})")


def stay_here() -> None:
    """Let this program reach nothing but loopback."""
    look_up = socket.getaddrinfo

    def here(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in ("127.0.0.1", "localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "not of this computer")
        return look_up(host, *args, **kwargs)

    socket.getaddrinfo = here


def main() -> None:
    stay_here()
    started = time.monotonic()
    said = answer(sys.argv[1], os.environ.get("OBICO_TOKEN", ""))
    print(json.dumps({"seconds": time.monotonic() - started, "answer": said}))


if __name__ == "__main__":
    main()
