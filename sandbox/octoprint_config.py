"""What a throw-away OctoPrint is configured with: it talks to nobody and asks nothing.

One configuration serves OctoPrint 1.11 and 2.0: each ignores the other's keys.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

#: Bundled plugins that phone home or search the network (discovery multicasts).
QUIETED_PLUGINS = ("announcements", "discovery", "errortracking", "softwareupdate", "tracking")

#: Health checks that ask pypi.org and octoprint.org, whatever the online check says.
QUIETED_HEALTH_CHECKS = ("octoprint_freshness", "python_eol")

#: The discard port: nothing listens there, so that what cannot be switched off fails at once.
NOWHERE = "http://127.0.0.1:9"

#: Lists that OctoPrint's plugin manager fetches when its copies in the data folder are old; where
#: they cannot be fetched it fills the log at every start. Empty fresh copies keep it quiet.
FETCHED_LISTS = ("plugins.json", "notices.json")

#: Newest wizard versions of both OctoPrints, so that none is shown.
SEEN_WIZARDS = {
    "achievements": None,
    "backup": None,
    "classicwebcam": 1,
    "corewizard": 4,
    "errortracking": None,
    "health_check": None,
    "softwareupdate": 1,
    "tracking": None,
}

#: Cheaper than OctoPrint's own choice: a test bench's password needs no protection.
PBKDF2_ROUNDS = 1000


@dataclass(frozen=True)
class User:
    """A user of OctoPrint's, with the secrets a test or a newcomer needs to act as him."""

    name: str
    groups: tuple[str, ...]
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)
    api_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty one where there is no file or nothing in it."""
    if not path.exists():
        return {}
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded if isinstance(loaded, dict) else {}


def write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as YAML that only the owner can read, in place of what was there."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(dict(content), file)
    fresh.replace(path)


def merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings in one, at every depth; where both have a value, the second one's."""
    result = dict(base)
    for key, value in override.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def quiet_config(secret_key: str) -> dict[str, Any]:
    """OctoPrint's config.yaml: first run done, virtual printer connected, nothing phones home."""
    off = {"enabled": False}
    return {
        "plugins": {
            "_disabled": list(QUIETED_PLUGINS),
            "health_check": {"disabled": list(QUIETED_HEALTH_CHECKS)},
            "pluginmanager": {
                "repository": f"{NOWHERE}/plugins.json",
                "notices": f"{NOWHERE}/notices.json",
            },
            "virtual_printer": {"enabled": True},
        },
        # 2.0's way to the virtual printer, then 1.11's
        "printerConnection": {
            "autoconnect": True,
            "autorefresh": True,
            "preferred": {
                "connector": "serial",
                "parameters": {"port": "VIRTUAL", "baudrate": 0},
            },
        },
        "serial": {"autoconnect": True, "port": "VIRTUAL", "baudrate": 0},
        "server": {
            "firstRun": False,
            # A start that was broken off must not lead to safe mode, which leaves plugins out.
            "ignoreIncompleteStartup": True,
            "ipCheck": off,
            "onlineCheck": off,
            "pluginBlacklist": off,
            "pluginBlocklist": off,
            "pythonEolCheck": off,
            "secretKey": secret_key,
            "seenWizards": SEEN_WIZARDS,
        },
    }


def write_fetched_lists(basedir: Path) -> None:
    """Put fresh empty copies of what the plugin manager would fetch into its data folder."""
    folder = basedir / "data" / "pluginmanager"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FETCHED_LISTS:
        (folder / name).write_text("[]", encoding="utf-8")


def webcam_config(snapshot_url: str, stream_url: str) -> dict[str, Any]:
    """The part of config.yaml that points the classic webcam at these addresses."""
    webcam = {
        "_config_version": 1,
        "snapshot": snapshot_url,
        "stream": stream_url,
        # else the browser asks a public STUN server
        "streamWebrtcIceServers": [],
    }
    return {"plugins": {"classicwebcam": webcam}}


def logging_config(levels: Mapping[str, str]) -> dict[str, Any]:
    """OctoPrint's logging.yaml for these loggers and levels."""
    return {"loggers": {name: {"level": level} for name, level in levels.items()}}


def password_hash(password: str) -> str:
    """The password as both OctoPrints verify it: PBKDF2 in the modular crypt format.

    Made with the standard library, because OctoPrint's own command for it starts for two seconds.
    The format is passlib's: its base64 has ``.`` for ``+`` and no padding.
    """
    salt = secrets.token_bytes(16)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, PBKDF2_ROUNDS)
    encoded = (base64.b64encode(part, b"./").decode().rstrip("=") for part in (salt, digest))
    return "$".join(("", "pbkdf2-sha256", str(PBKDF2_ROUNDS), *encoded))


def users_config(users: Iterable[User]) -> dict[str, Any]:
    """OctoPrint's users.yaml with these users."""
    entries: dict[str, Any] = {"_version": 2}
    for user in users:
        entries[user.name] = {
            "active": True,
            "apikey": user.api_key,
            "groups": list(user.groups),
            "password": password_hash(user.password),
            "permissions": [],
            "settings": {},
        }
    return entries
