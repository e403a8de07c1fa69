"""Certificates in the settings: accepting one, forgetting it, and a CA file."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import SandboxServer
from sandbox.octoprint_config import read_yaml
from tests.bench import Bench
from tests.integration.driver import BASE, CERTIFICATE, PluginDriver, drive
from tests.servers.certificates import Certificates, HomeMade
from tests.servers.faults import FaultServer, silence

CA_FILE = f"{BASE}/api/ca_file"
UNKNOWN_FINGERPRINT = "AB:" * 31 + "AB"


@pytest.fixture
def driver(bench: Bench) -> Iterator[PluginDriver]:
    """The plugin; afterwards it is at the bench's own server again and trusts nothing special."""
    driver = drive(bench)
    driver.wait_until_connected()
    yield driver
    assert bench.api.delete(CERTIFICATE).status_code == 200
    driver.save_settings(endpoint_prefix=bench.server.url, tls_ca_file="")
    driver.settle()


def go_to(
    bench: Bench, driver: PluginDriver, context: ssl.SSLContext, port: int = 0
) -> SandboxServer:
    """A server that speaks TLS and knows the token; the plugin's address is changed to it."""
    server = SandboxServer(port=port, ssl_context=context)
    server.printer.token = bench.server.printer.token
    return server


def stored(bench: Bench, key: str) -> Any:
    return read_yaml(bench.octoprint.basedir / "config.yaml")["plugins"]["obico"].get(key)


def accepted(driver: PluginDriver) -> Any:
    """The certificate that is stored."""
    return driver.get(CERTIFICATE)["accepted"]


def refused(driver: PluginDriver, cause: str) -> dict[str, Any]:
    """TEST fails with this cause; the certificate that it shows."""
    result = driver.diagnose()
    assert result["cause"] == cause, result["checks"]
    tls = next(check for check in result["checks"] if check["id"] == "tls")
    certificate: dict[str, Any] = tls["evidence"]["certificate"]
    return certificate


def test_accepted_certificate_is_used_at_once(
    bench: Bench, driver: PluginDriver, certificates: Certificates
) -> None:
    """Refused, shown, confirmed: both channels come up, and go again when it is removed."""
    with go_to(bench, driver, certificates.home_made.context()) as server:
        driver.save_settings(endpoint_prefix=server.url)
        shown = refused(driver, "tls_self_signed")
        assert shown["subject"] == "CN=printer-server"
        outcome = driver.accept(shown["sha256"].lower())
        assert outcome == {
            **{"ok": True, "cause": None, "text": "", "remedy": []},
            **{"certificate": shown, "server": server.url},
        }
        kept = accepted(driver)
        assert (kept["in_use"], kept["sha256"]) == (True, shown["sha256"])
        assert kept["server"] == server.url.partition("//")[2]
        driver.wait_until_connected()
        assert driver.diagnose()["verdict"] == "succeeded"
        assert bench.api.delete(CERTIFICATE).json() == {"accepted": None}
        driver.wait_for_status(
            lambda s: s["server"]["cause"] == "tls_self_signed", "it is refused again"
        )


def test_only_the_confirmed_certificate_is_accepted(
    bench: Bench, driver: PluginDriver, certificates: Certificates
) -> None:
    """What the server shows by now is compared with what was confirmed, and is told."""
    with go_to(bench, driver, certificates.home_made.context()) as server:
        driver.save_settings(endpoint_prefix=server.url)
        outcome = driver.accept(UNKNOWN_FINGERPRINT)
        assert (outcome["ok"], outcome["cause"]) == (False, "certificate_changed")
        assert "127.0.0.1" in outcome["text"]
        assert outcome["server"] == server.url
        assert outcome["certificate"] == refused(driver, "tls_self_signed")
        assert accepted(driver) is None
        assert stored(bench, "tls_accepted_certificate") is None
        assert driver.accept(outcome["certificate"]["sha256"])["ok"], "now it is the confirmed one"
        assert bench.api.delete(CERTIFICATE).json() == {"accepted": None}
    outcome = driver.accept(UNKNOWN_FINGERPRINT)
    assert (outcome["ok"], outcome["cause"]) == (False, "connection_refused")
    assert outcome["text"]
    assert outcome["remedy"]
    assert outcome["certificate"] is None


def test_the_state_of_accepting(bench: Bench, driver: PluginDriver) -> None:
    """One at a time; the answer is there at once, though the server is silent for a while."""
    with FaultServer(silence) as server:
        url = f"https://127.0.0.1:{server.port}"
        run = driver.start_accepting(UNKNOWN_FINGERPRINT, url)
        body = {"sha256": UNKNOWN_FINGERPRINT, "server": url}
        answer = bench.api.post(CERTIFICATE, json=body)
        assert answer.status_code == 409
        assert answer.json()["error"]
        seen = driver.get(CERTIFICATE)
        assert (seen["run"], seen["state"], seen["outcome"]) == (run, "running", None)
        assert driver.finished_accepting()["cause"] == "tls_handshake_failed"
        assert driver.get(CERTIFICATE)["run"] == run


@pytest.mark.parametrize(
    "body",
    [
        {"sha256": "AB:CD"},
        {"sha256": UNKNOWN_FINGERPRINT + ":AB"},
        {"sha256": UNKNOWN_FINGERPRINT, "server": "http://no host"},
        {"sha256": UNKNOWN_FINGERPRINT, "server": "http://localhost:1"},
        {"sha256": UNKNOWN_FINGERPRINT, "server": "https://app.obico.io"},
    ],
)
def test_what_cannot_be_accepted(bench: Bench, driver: PluginDriver, body: Any) -> None:
    """Neither nonsense, nor plain HTTP, nor anything at all in place of the cloud's own."""
    answer = bench.api.post(CERTIFICATE, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


def test_accepted_certificate_belongs_to_one_server(
    bench: Bench, driver: PluginDriver, certificates: Certificates
) -> None:
    """Another server with the same certificate is another server."""
    context = certificates.home_made.context()
    with go_to(bench, driver, context) as server, go_to(bench, driver, context) as other:
        driver.save_settings(endpoint_prefix=server.url)
        shown = refused(driver, "tls_self_signed")
        assert driver.accept(shown["sha256"])["ok"]
        driver.wait_until_connected()
        driver.save_settings(endpoint_prefix=other.url)
        assert refused(driver, "tls_self_signed")["sha256"] == shown["sha256"]
        assert accepted(driver)["in_use"] is False
        driver.save_settings(endpoint_prefix=server.url)
        driver.wait_until_connected()


def test_linking_offers_the_certificate(
    bench: Bench, driver: PluginDriver, certificates: Certificates
) -> None:
    """A new server is linked to before its address is stored."""
    with go_to(bench, driver, certificates.home_made.context()) as server:
        code = server.new_code(server.printer.id)
        outcome = driver.link(code, server.url)
        assert (outcome["ok"], outcome["cause"]) == (False, "tls_self_signed")
        assert outcome["server"] == server.url
        assert driver.accept(outcome["certificate"]["sha256"], outcome["server"])["ok"]
        assert driver.link(code, server.url)["ok"], "the code was not used up"
        driver.wait_until_connected()
    driver.save_settings(auth_token=bench.server.printer.token)


def test_ca_file(bench: Bench, driver: PluginDriver, certificates: Certificates) -> None:
    """It is used at once, and one that cannot be used is not stored in its place."""
    path = str(certificates.ca_file)
    with go_to(bench, driver, certificates.good()) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        driver.save_settings(endpoint_prefix=url)
        refused(driver, "tls_untrusted_issuer")
        driver.save_settings(tls_ca_file=f" {path} ")
        driver.wait_until_connected()
        assert driver.diagnose()["verdict"] == "succeeded"
        for bad in ("ca.pem", "/no/such/file", "/etc/hostname", 5):
            driver.save_settings(tls_ca_file=bad)
            assert stored(bench, "tls_ca_file") == path
        driver.save_settings(tls_ca_file="")
        refused(driver, "tls_untrusted_issuer")


def test_ca_file_that_has_gone(
    bench: Bench, driver: PluginDriver, certificates: Certificates, tmp_path: Path
) -> None:
    """TEST names the file; nothing ends."""
    copy = tmp_path / "ca.pem"
    copy.write_bytes(certificates.ca_file.read_bytes())
    with go_to(bench, driver, certificates.good()) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        driver.save_settings(endpoint_prefix=url, tls_ca_file=str(copy))
        driver.wait_until_connected()
        copy.unlink()
        result = driver.diagnose()
        tls = next(check for check in result["checks"] if check["id"] == "tls")
        assert tls["evidence"]["ca_file"] == {"path": str(copy), "problem": "missing"}
        assert str(copy) in tls["summary"]


def test_ca_file_is_checked_while_it_is_typed(
    bench: Bench, driver: PluginDriver, certificates: Certificates
) -> None:
    def check(path: str) -> Any:
        return bench.api.post(CA_FILE, json={"path": path}).json()

    assert check(str(certificates.ca_file)) == {"ok": True, "text": ""}
    assert check("") == {"ok": True, "text": ""}
    assert check("/no/such/file")["ok"] is False
    assert "PEM" in check("/etc/hostname")["text"]
    assert stored(bench, "tls_ca_file") in (None, "")


def test_only_a_confirmed_fingerprint_writes_the_certificate(
    bench: Bench, driver: PluginDriver, tmp_path: Path
) -> None:
    """The settings dialog posts back what it was shown; nothing is accepted by that."""
    pem = HomeMade.of(tmp_path / "foreign.pem", "foreign").pem
    driver.save_settings(tls_accepted_certificate=pem, tls_accepted_for="127.0.0.1:443")
    assert accepted(driver) is None
    assert stored(bench, "tls_accepted_certificate") is None


def test_others_do_not_see_what_is_trusted(bench: Bench, driver: PluginDriver) -> None:
    for user in (bench.octoprint.operator, bench.octoprint.reader):
        seen = bench.octoprint.session(user).get("/api/settings").json()["plugins"]["obico"]
        keys = [key for key in seen if key.startswith("tls_")]
        assert {seen[key] for key in keys} <= {None}
