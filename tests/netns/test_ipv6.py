"""A name with an IPv6 address that goes nowhere and an IPv4 address that works."""

from __future__ import annotations

import pytest

from tests.provoked import provokes

from .judging import assert_works
from .lab import Lab

QUICK_MS = 4_000


@pytest.mark.parametrize("url", ["http://six.example", "https://six.example"])
@provokes("ipv6_broken")
def test_ipv6_that_goes_nowhere_is_a_warning(lab: Lab, url: str) -> None:
    result = lab.diagnose(url)
    assert_works(result, "ipv6_broken", words=("six.example",))
    assert result["duration_ms"] < QUICK_MS
