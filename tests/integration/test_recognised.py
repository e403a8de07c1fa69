"""What answers in the Obico Server's place: OctoPrint's own address is a common mistake."""

from __future__ import annotations

from tests.bench import Bench
from tests.integration.driver import drive
from tests.provoked import provokes, witness


@provokes("not_an_obico_server")
def test_octoprints_own_address_is_recognised(bench: Bench) -> None:
    driver = drive(bench)
    driver.wait_until_connected()
    driver.save_settings(endpoint_prefix=bench.octoprint.url)
    try:
        result = driver.diagnose()
    finally:
        driver.save_settings(endpoint_prefix=bench.server.url)
    witness(result)
    assert result["cause"] == "not_an_obico_server"
    assert "OctoPrint itself" in result["explanation"]
    assert bench.octoprint.url in result["explanation"]
    driver.wait_until_connected()
