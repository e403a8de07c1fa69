"""Integration tests run against real OctoPrints: see ``bench`` in tests/conftest.py."""

from __future__ import annotations

import pytest

from tests.servers.certificates import Certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))
