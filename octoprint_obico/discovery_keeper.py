"""When this OctoPrint is announced to the Obico app, and what is told of it (docs/privacy.md)."""

from __future__ import annotations

import logging
import platform
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .host import Host
from .server.address import Address, parse_address
from .server.errors import AddressError
from .server.faults import Faults
from .server.linking import LinkJob
from .trust_keeper import TrustKeeper

if TYPE_CHECKING:
    from .server.discovery import Discovery

log = logging.getLogger("octoprint.plugins.obico.link")

_LONGEST_TEXT = 200


class DiscoveryKeeper:
    """Owns the discovery, which a linked OctoPrint has no need of and does not even load.

    Args:
        linking: links with the code that the app has sent.
    """

    def __init__(
        self, host: Host, linking: LinkJob, trust: TrustKeeper, user_agent: str, faults: Faults
    ) -> None:
        self._host, self._linking, self._trust = host, linking, trust
        self._user_agent, self._faults = user_agent, faults
        self._lock = threading.Lock()
        self._discovery: Discovery | None = None
        self._is_stopped = False
        self._about: Mapping[str, str] | None = None

    @property
    def running(self) -> bool:
        """Whether the app in the same network can find this OctoPrint just now."""
        return self._discovery is not None and self._discovery.running

    def secret_for(self, device_id: object) -> str | None:
        """What the app proves with that it is in our network; None for who must not know it."""
        return self._discovery.secret_for(device_id) if self._discovery is not None else None

    def open(self) -> None:
        """OctoPrint has started, or the settings have changed: announce it, if it is not linked."""
        discovery = self._wanted()
        if discovery is not None:
            discovery.open()

    def look(self) -> None:
        """Somebody looks at the page for linking: announce it, if it is not linked."""
        discovery = self._wanted()
        if discovery is not None:
            discovery.look()

    def stop(self, timeout_s: float) -> None:
        """End, waiting up to so many seconds."""
        with self._lock:
            self._is_stopped = True
        if self._discovery is not None:
            self._discovery.stop(timeout_s)

    def _wanted(self) -> Discovery | None:
        """The discovery, made when it is first of use; None before that."""
        with self._lock:
            unused = self._discovery is None
            if unused and not self._is_stopped and self._target() is not None:
                self._discovery = self._make()
            return self._discovery

    def _make(self) -> Discovery:
        from .server.discovery import Discovery, Hooks

        hooks = Hooks(
            target=self._target,
            trust=self._trust.at,
            fields=self._fields,
            on_code=self._on_code,
            on_change=lambda: self._host.notify("status"),
        )
        return Discovery(hooks, self._user_agent, self._faults)

    # ---- what discovery asks ------------------------------------------------------------------

    def _target(self) -> Address | None:
        """Where to announce: nowhere once it is linked, or where it is switched off."""
        settings = self._host.settings
        if settings.token() or not settings.discovery():
            return None
        try:
            return parse_address(settings.server_address())
        except AddressError:  # the status says so, wherever it is shown
            return None

    def _fields(self, address: Address) -> Mapping[str, Any] | None:
        """What is announced (PROTOCOL 2.7); None where no local network is known."""
        from .server.own_address import best_address, is_loopback

        here = self._host.in_network()
        own = best_address(self._own_addresses(here.host, address))
        # server, browser and OctoPrint in one; an IPv6 address is hard to open for the app, which
        # puts no brackets around it
        if is_loopback(address.host) and (own is None or ":" in own):
            own = "127.0.0.1"
        if own is None:
            return None
        texts = {
            **self._about_computer(),
            "host_or_ip": own,
            "plugin_version": self._host.versions()["plugin"],
            "agent": "octoprint_obico",
            "printerprofile": here.profile,
            "machine_type": here.model,
        }
        bounded = {name: str(text)[:_LONGEST_TEXT] for name, text in texts.items()}
        return {**bounded, "port": here.port, "meta": {}}

    def _own_addresses(self, named: str, address: Address) -> Iterator[str | None]:
        """This computer's addresses: what the administrator says, then the way to the server."""
        from .diagnosis.local.network import read_network
        from .server.own_address import parse_ip, source_address

        yield named
        if parse_ip(address.host) is not None:
            yield source_address(address.host)
        network = read_network()
        if network is None:  # not Linux
            yield source_address()
            return
        default = network.gateway_interface
        for each in sorted(network.interfaces, key=lambda each: each.name != default):
            yield from each.ips

    def _about_computer(self) -> Mapping[str, str]:
        """What does not change while OctoPrint runs; "" where it is not known."""
        if self._about is None:
            from .installation import describe, octopi_version

            here = describe(self._host.versions(), 0.0)
            self._about = {
                "hostname": platform.node(),
                "os": here["os"] or "",
                "arch": here["machine"] or "",
                "rpi_model": here["model"] or "",
                "octopi_version": octopi_version() or "",
            }
        return self._about

    def _on_code(self, address: Address, code: str) -> None:
        if self._linking.start(address.url, code) is None:
            log.info("The app's code is passed over: linking is under way already")
