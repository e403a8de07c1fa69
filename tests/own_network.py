"""A network of one's own (network_namespaces(7)), for what must not meddle with the machine's."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, unshare(2)
_LIMIT_S = 20.0


def own_network() -> bool:
    """Give this thread, and all that it starts, a network of its own; it has loopback only.

    Returns False where that cannot be: it takes root on Linux. Raises
    subprocess.CalledProcessError where it can, but is of no use.
    """
    if platform.system() != "Linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK) != 0:
        return False
    up = ("ip", "link", "set", "lo", "up")
    subprocess.run(up, check=True, capture_output=True, timeout=_LIMIT_S)
    return True
