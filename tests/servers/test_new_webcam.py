"""Saved settings: a webcam that is set up differently is looked after at once, others are not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from octoprint_obico.webcam.snapshot import url_webcam
from sandbox import SandboxServer, SandboxWebcam

from .hosts import FakeHost, running_agent

QUIET_S = 0.5


class ChangingHost(FakeHost):
    """A host whose webcam can be set up anew."""

    def set_webcam(self, url: str) -> None:
        self._webcams = [url_webcam("Cam", url)]


@pytest.fixture
def host(sandbox: SandboxServer) -> Iterator[ChangingHost]:
    yield ChangingHost(sandbox.url, sandbox.printer.token)


def test_only_a_changed_webcam_is_looked_after_at_once(
    host: ChangingHost, webcam: SandboxWebcam
) -> None:
    """The next regular look is minutes away."""
    host.set_webcam(webcam.snapshot_url)
    with running_agent(host) as agent:

        def attempts() -> int:
            return agent.session().channel("webcam:Cam").attempts

        assert host.wait_for(lambda: attempts() == 1)
        agent.on_settings_saved()
        assert not host.wait_for(lambda: attempts() > 1, QUIET_S)
        host.set_webcam(webcam.snapshot_url + "?another")
        agent.on_settings_saved()
        assert host.wait_for(lambda: attempts() == 2)
        host.set_webcam(webcam.snapshot_url + "?another")
        agent.on_settings_saved()
        assert not host.wait_for(lambda: attempts() > 2, QUIET_S)
