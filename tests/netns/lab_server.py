"""The Obico Server of the lab: ``python -m tests.netns.lab_server FOLDER``, run in its namespace.

Serves the sandbox by http and by https on all addresses, writes its authority's certificate into
FOLDER, says as one line of JSON what it has, and ends on SIGTERM.
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import trustme

from sandbox import SandboxServer

HTTP_PORT, HTTPS_PORT = 80, 443
NAMES = ("obico.example", "dual.example", "six.example")
CA_FILE = "ca.pem"


def main(folder: str) -> None:
    authority = trustme.CA(organization_name="Test Authority")
    authority.cert_pem.write_to_path(str(Path(folder) / CA_FILE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES).configure_cert(context)
    with ExitStack() as stack:
        plain = stack.enter_context(SandboxServer("::", HTTP_PORT))
        over_tls = stack.enter_context(SandboxServer("::", HTTPS_PORT, ssl_context=context))
        tokens = {"http": plain.printer.token, "https": over_tls.printer.token}
        print(json.dumps(tokens), flush=True)
        threading.Event().wait()  # SIGTERM ends the process


if __name__ == "__main__":
    main(sys.argv[1])
