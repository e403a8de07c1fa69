"""Wi-Fi and power, from what drivers and firmware really write."""

from __future__ import annotations

import pytest

from octoprint_obico.diagnosis.local.power import parse_throttled
from octoprint_obico.diagnosis.local.wifi import (
    Signal,
    parse_iw_dev,
    parse_iw_link,
    parse_wireless,
)

HEAD = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
"""


@pytest.mark.parametrize(
    ("row", "signal"),
    [
        # brcmfmac, ath9k, iwlwifi: cfg80211 with dBm
        (" wlan0: 0000   70.  -38.  -256  0  0  0  5  0  0", (-38, 100)),
        (" wlan0: 0000   32.  -78.  -256  0  0  0  5  0  0", (-78, 46)),
        ("wlp3s0: 0000   51.  -59.  -256  0  0  0  5  0  0", (-59, 73)),
        # without the dots: the value has not changed since it was last read
        (" wlan0: 0000   32   -78   -256  0  0  0  5  0  0", (-78, 46)),
        # the level as an unsigned byte
        (" wlan0: 0000   32.  178.  161.  0  0  0  5  0  0", (-78, 46)),
        # levels in units of their own, quality up to 100
        (" wlan0: 0000   35.   35.    0.  0  0  0  5  0  0", (None, 35)),
        (" wlan1: 0000  100.   60.    0.  0  0  0  5  0  0", (None, 100)),
        (" wlan1: 0000   92.  -41.    0.  0  0  0  5  0  0", (-41, 100)),
        # not connected
        (" wlan0: 0000    0     0     0  0  0  0  5  0  0", (None, None)),
        (" wlan0: 0000    0. -256. -256.  0  0  0  5  0  0", (None, None)),
    ],
)
def test_rows_of_drivers(row: str, signal: tuple[int | None, int | None]) -> None:
    (found,) = parse_wireless(HEAD + row + "\n")
    assert found == Signal(row.split(":")[0].strip(), *signal)
    assert found.is_known == (signal != (None, None))


def test_a_name_close_to_its_numbers() -> None:
    (found,) = parse_wireless(HEAD + "wlx00c0caaabbcc: 0000   40.  -70.  -256  0 0 0 0 0 0\n")
    assert found == Signal("wlx00c0caaabbcc", -70, 57)


def test_no_rows() -> None:
    assert parse_wireless(HEAD) == [] == parse_wireless("")


IW_DEV = """\
phy#1
\tInterface uap0
\t\tifindex 5
\t\twdev 0x100000002
\t\taddr ba:27:eb:00:00:01
\t\tssid OctoPrint
\t\ttype AP
\tInterface wlan1
\t\tifindex 4
\t\twdev 0x100000001
\t\taddr 00:c0:ca:00:00:01
\t\ttype managed
phy#0
\tUnnamed/non-netdev interface
\t\twdev 0x2
\t\taddr ba:27:eb:00:00:02
\t\ttype P2P-device
\tInterface wlan0
\t\tifindex 3
\t\taddr b8:27:eb:00:00:01
\t\tssid Interface of home
\t\ttype managed
\t\tchannel 6 (2437 MHz), width: 20 MHz, center1: 2437 MHz
"""


def test_the_interfaces_of_iw() -> None:
    assert parse_iw_dev(IW_DEV) == ["wlan1", "wlan0"]


def test_the_link_of_iw() -> None:
    text = """\
Connected to 02:11:22:33:44:55 (on wlan0)
\tSSID: signal: -1 dBm
\tfreq: 2437
\tRX: 1234 bytes (12 packets)
\tsignal: -71 dBm
\ttx bitrate: 65.0 MBit/s
"""
    assert parse_iw_link(text) == -71
    assert parse_iw_link("Not connected.\n") is None


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("throttled=0x0\n", 0),
        ("throttled=0x50005\n", 0x50005),
        ("throttled=0xE0008", 0xE0008),
        ("VCHI initialization failed\n", None),
        ("", None),
    ],
)
def test_the_firmwares_answer(text: str, bits: int | None) -> None:
    assert parse_throttled(text) == bits
