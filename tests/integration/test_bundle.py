"""The support bundle of an OctoPrint that has lived through much: every byte is searched."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sandbox import ControlServer, SandboxServer, SandboxWebcam
from sandbox.octoprint_instance import OctoPrintInstance
from tests.bench import PLUGIN_LOGGER, Bench, Edition
from tests.integration.driver import BASE, PluginDriver, drive
from tests.servers.faults import FaultServer, Peer, http_bytes

BUNDLE = f"{BASE}/api/bundle"
CONTENTS = f"{BUNDLE}/contents"

PASSWORD = "hunter2andahalf"
WEBCAM_PASSWORD = "w3bcam-pa55word"
WEBCAM_TOKEN = "snap5hot7oken"
COOKIE = "c00kie5andcream"
MAIL = "jane.doe@mail.example.org"
CODE = "907531"
BSSID = "b8:27:eb:12:34:56"
PUBLIC_V4 = ("93.184.216.34", "8.8.4.4")
PUBLIC_V6 = ("2a00:1450:4001:82a::200e", "2606:4700::1111")
LEAKY_PASSWORD = "pa55-of-somebody"

NAMES = (
    *("README.txt", "report.txt", "report.json", "diagnosis.json", "status.json"),
    *("webcams.json", "settings.json", "versions.json", "plugin.log"),
)


def leaky(peer: Peer) -> None:
    """Answers with all that it was told and all that it knows, as bad pages do."""
    head = peer.read_head().decode("latin-1")
    sent = re.search(r"(?im)^authorization:\s*(.+?)\r?$", head)
    heard = sent[1] if sent else "nothing"
    token = heard.split()[-1]
    echo = base64.b64encode(heard.encode()).decode()
    body = (
        f"{token} {echo} {quote(heard)} {MAIL} {' '.join(PUBLIC_V4 + PUBLIC_V6)}"
        f" http://bob:{LEAKY_PASSWORD}@10.1.2.3/ fe80::7 {BSSID} /home/jane/www"
    )
    headers = (
        f"Set-Cookie: session={COOKIE}",
        "Content-Type: text/html",
        f"Server: nginx/1.18.0.1 at {PUBLIC_V4[0]} by {MAIL}",
    )
    peer.send(http_bytes("502 Bad Gateway", body.encode(), *headers))
    peer.finish()


@dataclass
class Life:
    """An OctoPrint after its troubles, and what must be in no file."""

    bench: Bench
    secrets: dict[str, str] = field(default_factory=dict)

    def bundle(self, query: str = "") -> dict[str, bytes]:
        """The files of the bundle."""
        answer = self.bench.api.get(BUNDLE + query)
        assert answer.status_code == 200, answer.text[:300]
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}


@contextmanager
def troubled_bench(edition: Edition, basedir: Path) -> Iterator[Bench]:
    """A linked bench, its logs on, its webcam's URLs with a password and a token."""
    with ExitStack() as stack:
        server = stack.enter_context(SandboxServer())
        webcam = stack.enter_context(SandboxWebcam())
        control = stack.enter_context(ControlServer(server, webcam))
        place = f"http://bob:{WEBCAM_PASSWORD}@127.0.0.1:{webcam.url.rpartition(':')[2]}"
        octoprint = OctoPrintInstance(
            edition.python(),
            basedir,
            plugins_config={
                "obico": {
                    "endpoint_prefix": server.url,
                    "auth_token": server.printer.token,
                    "printer_name": f"Printer of {MAIL}",
                }
            },
            snapshot_url=f"{place}/snapshot?token={WEBCAM_TOKEN}",
            stream_url=f"{place}/stream?token={WEBCAM_TOKEN}",
            log_levels={PLUGIN_LOGGER: "DEBUG"},
        )
        stack.enter_context(octoprint)
        octoprint.wait_for_printer()
        api = stack.enter_context(octoprint.session())
        yield Bench(edition, octoprint, server, webcam, control, api)


def live_through(bench: Bench) -> None:
    """A page that tells all, a command nobody knows, a webcam that refuses, a bad address."""
    driver, server = drive(bench), bench.server
    server.printer.name = f"Printer of {MAIL}"
    driver.wait_until_connected()
    # each is logged to its 40th character
    burnt = (MAIL, *PUBLIC_V4, *PUBLIC_V6, f"code={CODE}", f"near {BSSID}", "the last")
    server.send({"commands": [{"cmd": f"burn {what}"} for what in burnt]})
    server.send({"passthru": {"target": "x", "func": f"{MAIL} at {PUBLIC_V4[0]}", "ref": "1"}})
    bench.octoprint.wait_until(
        lambda: "burn the last" in bench.octoprint.log_text(), "the commands were refused"
    )
    bench.webcam.set_fault("unauthorized")
    with FaultServer(leaky) as page:
        driver.save_settings(endpoint_prefix=page.url)
        driver.wait_for_status(
            lambda s: s["server"]["cause"] == "server_unavailable", "the page answers for it"
        )
        assert driver.diagnose()["cause"] == "server_unavailable"
    driver.save_settings(endpoint_prefix=f"http://bob:{PASSWORD}@127.0.0.1:{server.port}")
    driver.wait_for_status(
        lambda s: s["server"]["cause"] == "address_malformed", "the address is refused"
    )


@pytest.fixture(scope="module")
def life(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with troubled_bench(edition, tmp_path_factory.mktemp(edition.id)) as bench:
        live_through(bench)
        token = bench.server.printer.token
        yield Life(
            bench,
            {
                "token": token,
                "token reversed": token[::-1],
                "token in Base64": base64.b64encode(token.encode()).decode()[:-4],
                "header in Base64": base64.b64encode(f"Token {token}".encode()).decode()[:-4],
                "password of the address": PASSWORD,
                "password of the webcam": WEBCAM_PASSWORD,
                "token of the webcam": WEBCAM_TOKEN,
                "password on a page": LEAKY_PASSWORD,
                "cookie": COOKIE,
                "mail": MAIL,
                "name in a path": "/jane",
                "link code": CODE,
                "hardware address": BSSID,
            },
        )


def found(files: dict[str, bytes], secret: str) -> list[str]:
    """Where a secret stands, in any letter case, with what stands around it."""
    places = []
    for name, data in files.items():
        at = data.lower().find(secret.lower().encode())
        if at >= 0:
            places.append(f"{name}: {data[max(0, at - 60) : at + 60]!r}")
    return places


@pytest.mark.parametrize("query", ["", "?keep_ip=1", "?keep_ip=0"])
def test_no_secret_is_in_any_byte(life: Life, query: str) -> None:
    files = life.bundle(query)
    assert {name: found(files, secret) for name, secret in life.secrets.items()} == {
        name: [] for name in life.secrets
    }


def test_public_addresses_are_in_it_only_where_they_are_kept(life: Life) -> None:
    files, kept = life.bundle(), life.bundle("?keep_ip=1")
    for address in (*PUBLIC_V4, *PUBLIC_V6):
        assert found(files, address) == []
        assert found(kept, address) != [], "else the search above has found nothing to find"
    for private in ("127.0.0.1", "10.1.2.3", "fe80::7"):
        assert found(files, private) != [] and found(kept, private) != []
    assert b"[public IP 1]" in files["diagnosis.json"]
    assert b"[public IP 1]" in files["plugin.log"], "the same in both files"
    assert b"[public IP" not in kept["diagnosis.json"]


def test_what_was_taken_out_was_there(life: Life) -> None:
    """A test that plants nothing finds nothing: each trouble has left its mark."""
    files = {name: data.decode() for name, data in life.bundle().items()}
    log = files["plugin.log"]
    for burnt in ("[e-mail]", "[public IP 1]", "code=[key]", "near [hardware address 1]"):
        assert f"'burn {burnt}'" in log
    assert "A call of the app is not supported: [e-mail] at [public IP 1]" in log
    assert " WARNING obico.websocket [" in log and " DEBUG obico" in log
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", log)
    body = json.dumps(json.loads(files["diagnosis.json"])["checks"])
    assert "[e-mail]" in body and "[hardware address 1]" in body and "/home/[user]" in body
    assert "nginx/1.18.0.1" in body, "a version is no address"
    assert json.loads(files["settings.json"])["printer_name"] == "Printer of [e-mail]"
    assert "webcam_authentication_required" in files["diagnosis.json"]
    assert "server_unavailable" in files["report.json"]
    assert "server_unavailable" in files["report.txt"]


def test_the_files(life: Life) -> None:
    files = life.bundle()
    assert tuple(files) == NAMES
    values = {name: json.loads(data) for name, data in files.items() if name.endswith(".json")}
    assert {value["schema"] for value in values.values()} == {1}
    assert not [name for name, value in values.items() if "error" in value]
    driver = drive(life.bench)
    assert set(values["report.json"]) == set(driver.report())
    assert set(values["status.json"]) == set(driver.status())
    assert values["diagnosis.json"]["cause"] == "server_unavailable"
    settings = values["settings.json"]
    assert settings["auth_token_set"] is True
    assert settings["endpoint_prefix"].endswith(f"@127.0.0.1:{life.bench.server.port}")
    webcam = values["webcams.json"]["webcams"][0]
    assert webcam["gives_snapshots"] is True
    assert webcam["snapshot"].startswith("http://[")
    versions = values["versions.json"]
    assert versions["octoprint"] == life.bench.octoprint.version
    assert versions["libraries"]["websocket-client"]
    readme = files["README.txt"].decode()
    assert all(name in readme for name in NAMES[1:])
    assert "Public IP addresses were taken out" in readme
    assert "Public IP addresses were left in" in life.bundle("?keep_ip=1")["README.txt"].decode()


def test_the_answer_is_a_file_to_save(life: Life) -> None:
    answer = life.bench.api.get(BUNDLE)
    assert answer.headers["Content-Type"] == "application/zip"
    assert re.fullmatch(
        r'attachment; filename="?obico-support-\d{8}T\d{6}Z\.zip"?',
        answer.headers["Content-Disposition"],
    )
    assert "no-store" in answer.headers["Cache-Control"]
    assert len(answer.content) < 1_000_000


def test_the_contents_are_told_before(life: Life) -> None:
    told = drive(life.bench).get(CONTENTS)
    assert (told["schema"], told["ip_addresses_removed"]) == (1, True)
    assert tuple(file["name"] for file in told["files"]) == NAMES
    files = life.bundle()
    for file in told["files"]:
        assert set(file) == {"name", "title", "description", "size", "problem"}
        assert file["title"] and file["description"] and file["problem"] == ""
        # figures and times move a little between the two
        assert abs(file["size"] - len(files[file["name"]])) < 2000
    kept = drive(life.bench).get(f"{CONTENTS}?keep_ip=1")
    assert kept["ip_addresses_removed"] is False


@pytest.mark.parametrize("query", ["?keep_ip=", "?keep_ip=true", "?keep_ip=1&keep_ip=0", "?x=1"])
def test_only_a_clear_word_keeps_addresses(life: Life, query: str) -> None:
    told = drive(life.bench).get(CONTENTS + query)
    assert told["ip_addresses_removed"] is (query != "?keep_ip=1&keep_ip=0")


def test_saving_it_changes_nothing(life: Life) -> None:
    """No attempt is made, none is counted: neither the figures nor the webcam know of it."""
    driver, webcam = drive(life.bench), life.bench.webcam
    before = figures(driver), webcam.snapshot_count, len(life.bench.server.requests)
    life.bundle()
    driver.get(CONTENTS)
    assert (figures(driver), webcam.snapshot_count, len(life.bench.server.requests)) == before


def figures(driver: PluginDriver) -> dict[str, Any]:
    """Attempts by channel."""
    channels = driver.report()["channels"]
    return {name: section["attempts"] for name, section in channels.items()}


def test_a_token_that_was_replaced_is_still_known(life: Life) -> None:
    """After linking anew the old token is a secret as before."""
    driver, server = drive(life.bench), life.bench.server
    old = server.printer.token
    driver.save_settings(endpoint_prefix=server.url)
    driver.wait_until_connected()
    new = server.relink(server.printer.id)
    driver.save_settings(auth_token=new)
    driver.settle()
    server.send({"commands": [{"cmd": f"say {what}"} for what in (old, new, old[::-1])]})
    life.bench.octoprint.wait_until(
        lambda: life.bench.octoprint.log_text().count("'say ") == 3, "the commands were refused"
    )
    files = life.bundle()
    assert found(files, old) == found(files, new) == found(files, old[::-1]) == []
    said = re.findall(r"'say (.*)'", files["plugin.log"].decode())
    assert said == ["REDACTED", "REDACTED", "[token]"]
