"""Lines that lose packets: what works is said to work, and where they get lost is said, too."""

from __future__ import annotations

from tests.provoked import provokes

from .judging import assert_works
from .lab import HTTP, HTTPS, Lab

EVERY_FIFTH = "-m statistic --mode nth --every 5 --packet 0 -j DROP"
"""20 % for certain. By chance, a run in a hundred would lose three in a row, and rightly fail."""


@provokes("packet_loss")
def test_loss_beyond_the_router(lab: Lab) -> None:
    lab.router.filter(f"-A FORWARD -i lan {EVERY_FIFTH}")
    assert_works(lab.diagnose(HTTPS), "packet_loss", words=("beyond the router",))


@provokes("packet_loss")
def test_loss_on_the_way_to_the_router(lab: Lab) -> None:
    """All but the questions to its name server: each that gets lost costs 5 s (test_names)."""
    lab.router.filter(f"-A INPUT -i lan -p icmp {EVERY_FIFTH}", f"-A FORWARD -i lan {EVERY_FIFTH}")
    assert_works(lab.diagnose(HTTP), "packet_loss", words=("in your own network",))
