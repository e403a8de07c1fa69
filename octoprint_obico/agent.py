"""The composition root: builds the parts, starts, stops and re-configures them, in one order.

The only module that knows all rooms. It hands each part just what that part needs.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .diagnosis.job import DiagnosisJob, Done, Request
from .event_keeper import EventKeeper
from .host import Host, LinkedPrinterInfo
from .printer.current import is_paused
from .printer_keeper import PrinterKeeper
from .server.address import address_error, parse_address
from .server.errors import AddressError
from .server.faults import Faults
from .server.http import CHANNEL as HTTP
from .server.http_channel import HttpChannel
from .server.link import Hooks, Link, Wanted
from .server.linking import LinkedPrinter, LinkJob
from .server.live_file import LiveFile
from .server.messages import ServerMessage, tunnel_refusal
from .server.outbox import OutboxState
from .server.websocket import CHANNEL as WEBSOCKET
from .server.worker import Worker
from .session.alerts import LOOK_EVERY_S, Alerts
from .session.figures import Series, Session
from .session.status import Status, http_status, server_status, webcam_rows, websocket_status
from .session.tracker import Tracker
from .trust_keeper import AcceptJob, TrustKeeper
from .webcam.poster import Demand, SnapshotPoster

if TYPE_CHECKING:
    from .discovery_keeper import DiscoveryKeeper
    from .server.naming import NameJob

log = logging.getLogger("octoprint.plugins.obico")

WATCHED_FOR_S = 20.0
"""How long after the last look at the status somebody counts as watching."""


class Agent:
    """The plugin without OctoPrint: everything behind the one interface that the doors use.

    Attributes:
        printer: what follows the printer; OctoPrint's hooks tell it.
        diagnosis: the diagnosis that runs, or the last one.
        linking: the linking that runs, or the last one.
        trust: what is trusted, and how an accepted certificate is forgotten.
        accepting: the accepting of a certificate that runs, or the last one.
        alerts: what people are told of by themselves.
    """

    def __init__(
        self,
        host: Host,
        version: str,
        live_file: LiveFile | None = None,
        outbox_file: Path | None = None,
    ) -> None:
        self._host, self._version, self._live_file = host, version, live_file
        self._user_agent = f"octoprint_obico/{version}"
        self._lock = threading.RLock()
        self._link: Link | None = None
        self._stopped = False
        self._account: str | None = None
        self._demand = Demand()
        self._looked_at = float("-inf")
        self._tracker = Tracker()
        self.trust = TrustKeeper(host.settings, self.reconfigure)
        self.alerts = Alerts(secrets.token_hex(4))
        faults = Faults(self._tracker.record, log)
        self._watch = Worker(
            "obico-watch",
            self._look_for_trouble,
            faults,
            "looking at the status",
            after_fault_s=LOOK_EVERY_S,
        )
        self.diagnosis = DiagnosisJob(
            self._diagnosis_request, lambda: host.notify("diagnosis"), self._on_diagnosis, faults
        )
        self.linking = LinkJob(
            self._user_agent, self._on_linked, lambda: host.notify("link"), faults, self.trust.at
        )
        self._faults = faults
        self._discovery: DiscoveryKeeper | None = None
        self._naming: NameJob | None = None
        self.accepting = AcceptJob(self.trust, lambda: host.notify("certificate"), faults)
        self._poster = self._make_poster()
        self._events = self._make_event_keeper(outbox_file)
        self.printer = self._make_printer_keeper(faults)

    def _make_event_keeper(self, outbox_file: Path | None) -> EventKeeper:
        return EventKeeper(
            outbox_file,
            self._tracker.record,
            self._on_state,
            lambda: self._link,
            self._poster.take_for,
        )

    def _make_printer_keeper(self, faults: Faults) -> PrinterKeeper:
        return PrinterKeeper(
            self._host,
            self._tracker.record,
            faults,
            lambda: self._link,
            self._events,
            self.send_status,
            lambda: self._demand.viewing,
        )

    def _make_poster(self) -> SnapshotPoster:
        return SnapshotPoster(
            self._host.webcams,
            self._http,
            self._current_demand,
            self.watched,
            self._tracker.record,
            self._on_state,
            self._tracker.rest,
        )

    # ---- life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all threads. Returns at once."""
        self._poster.start()
        self._watch.start()
        self.reconfigure()
        self._events.start()

    def stop(self) -> None:
        """Stop all threads; takes at most a few seconds."""
        with self._lock:
            self._stopped = True
            link, self._link = self._link, None
        if link is not None:
            link.stop()
        if self._discovery is not None:
            self._discovery.stop(0.5)
        self._poster.stop(0.5)
        self._watch.stop(0.5)
        self.printer.stop(0.5)
        self._events.close(1.5)
        if self._live_file is not None:
            self._live_file.close()

    def reconfigure(self) -> None:
        """Bring the channels in line with the stored settings; does nothing where they are.

        Never waits for the network: old connections are told to close, new ones open by themselves.
        """
        if self._discovery is not None or self._host.settings.token() is None:
            self.discovery.open()
        with self._lock:
            wanted = self._wanted()  # in here: of two saves at once the later one counts
            if self._stopped:
                return
            old = self._link
            if wanted == (None if old is None else old.wanted):
                return
            if old is not None:
                old.replaced()
                for channel in (HTTP, WEBSOCKET):
                    self._tracker.rest(channel)
            # events of a former link are not for the new one
            self._events.use(wanted.name if wanted is not None else None)
            self._link = None if wanted is None else Link(wanted, self._user_agent, self._hooks())
            new = self._link
        if old is not None:
            old.stop(0)
        self._account, self._demand = None, Demand()  # another server has others who view
        if new is not None:
            log.info("Connecting to %s", new.address)
            new.start()
            self._poster.look_now()
        self._on_state()

    def _wanted(self) -> Wanted | None:
        """What to connect with, or None where there is nothing to connect to."""
        token = self._host.settings.token()
        try:
            address = parse_address(self._host.settings.server_address())
        except AddressError as error:
            log.warning("The server address cannot be used: %s", error)
            return None
        return Wanted(address, token, self.trust.at(address)) if token else None

    def _hooks(self) -> Hooks:
        return Hooks(
            record=self._tracker.record,
            on_state=self._on_state,
            on_printer=self._on_printer,
            on_message=self._on_message,
            status=self.printer.status,
            watched=self.watched,
            outbox=self._events.outbox,
            viewed=lambda: self._demand.viewing,
        )

    # ---- what the parts ask of each other ----------------------------------------------------

    def _http(self) -> HttpChannel | None:
        link = self._link
        return link.http if link is not None else None

    def watched(self) -> bool:
        """Whether somebody looks at the status just now."""
        return time.monotonic() - self._looked_at < WATCHED_FOR_S

    def _current_demand(self) -> Demand:
        printer = self._host.printer
        printing = bool(printer.is_printing())
        paused = printing and is_paused(printer.current_data())
        return self._demand._replace(printing=printing, paused=paused)

    def _on_state(self) -> None:
        self._host.notify("status")
        self._watch.wake()

    def _look_for_trouble(self) -> float:
        """See whether somebody has to be told of something; on a thread of its own."""
        self._note_live()  # first: commands beside us go by it
        self.printer.look(self._host.settings.filament_nudge_s())
        printing = bool(self._host.printer.is_printing())
        after_s = self._host.settings.alert_after_s()
        session = self.session()
        status = self._status_of(session)
        for topic in self.alerts.observe(status, session, printing, time.monotonic(), after_s):
            self._host.notify(topic)
        return LOOK_EVERY_S

    def _note_live(self) -> None:
        """Tell commands beside us how the WebSocket is, so that they do not throw it out."""
        link, file = self._link, self._live_file
        if file is not None and link is not None:
            file.note(link.supervisor.snapshot, link.address.url)
        elif file is not None:
            file.remove()

    def _on_printer(self, answer: Any) -> None:
        """Take the server's word for the printer's name and the account's plan."""
        printer, user = answer["printer"], answer.get("user")
        account = "pro" if isinstance(user, dict) and user.get("is_pro") else "free"
        number, name = printer.get("id"), str(printer.get("name") or "")[:200]
        seen = LinkedPrinterInfo(number if isinstance(number, int) else None, name)
        renamed = seen != self._host.settings.printer()
        if renamed:
            self._host.settings.save_printer(seen)
        if renamed or account != self._account:
            self._account = account
            self._on_state()

    def _on_linked(self, printer: LinkedPrinter) -> None:
        info = LinkedPrinterInfo(printer.id, printer.name)
        self._host.settings.save_link(printer.address.url, printer.token, info)
        self.reconfigure()

    def _on_message(self, message: ServerMessage) -> None:
        remote = message.remote_status
        if remote is not None:
            before = self._demand
            self._demand = now = before.told(remote.viewing, remote.should_watch)
            self._poster.nudge(boost=now.viewing and not before.viewing)
        self.printer.on_message(message)
        link = self._link
        if message.tunnel_ref is not None and link is not None:
            link.supervisor.send(tunnel_refusal(message.tunnel_ref))
        self.send_status()

    # ---- the printer -------------------------------------------------------------------------

    def on_printer_event(self, name: str, payload: Mapping[str, Any] | None) -> None:
        """Take one of OctoPrint's events. Called on its event thread: only queues, never waits."""
        if self.printer.on_event(name, payload):
            self._poster.nudge()

    def on_network_back(self) -> None:
        """The host has found its network again. Called on its event thread: never waits."""
        link = self._link
        if link is not None:
            link.network_is_back()

    def on_settings_saved(self) -> None:
        """The host's settings were saved, which name webcams. Called on its event thread."""
        self._poster.settings_changed()

    def send_status(self) -> None:
        """Send the status as soon as possible."""
        link = self._link
        if link is not None:
            link.supervisor.send_status()

    # ---- what the doors ask ------------------------------------------------------------------

    @property
    def discovery(self) -> DiscoveryKeeper:
        """What lets the app in the same network find an OctoPrint that is not linked."""
        with self._lock:  # made when it is first of use, as most are linked
            if self._discovery is None:
                from .discovery_keeper import DiscoveryKeeper

                self._discovery = DiscoveryKeeper(
                    self._host, self.linking, self.trust, self._user_agent, self._faults
                )
                if self._stopped:
                    self._discovery.stop(0)
            return self._discovery

    @property
    def naming(self) -> NameJob:
        """The naming of the printer that runs, or the last one."""
        with self._lock:
            if self._naming is None:
                from .server.naming import NameJob

                self._naming = NameJob(
                    self._http, self._on_printer, lambda: self._host.notify("name"), self._faults
                )
            return self._naming

    def look(self) -> None:
        """Somebody looks at the status: channels that wait try again, and look more often."""
        was_watched = self.watched()
        self._looked_at = time.monotonic()
        link = self._link
        if not was_watched and link is not None:
            link.try_now()
            self._poster.nudge()

    def session(self) -> Session:
        """The session's figures."""
        return self._tracker.session()

    def series(self, seconds: float | None, most: int) -> Mapping[str, Series]:
        """The figures of each channel over time, in at most `most` steps; None: all of it."""
        return self._tracker.series(seconds, most)

    def status(self) -> Status:
        """What is true of the connections just now."""
        return self._status_of(self.session())

    def _status_of(self, session: Session) -> Status:
        link = self._link
        live = link.http.snapshot() if link is not None else None
        wrong = address_error(self._host.settings.server_address())
        http = http_status(live, session.channel("http"), wrong)
        snapshot = link.supervisor.snapshot() if link is not None else None
        websocket = websocket_status(snapshot, session.channel("websocket"))
        linked = bool(self._host.settings.token())
        since = link.since if link is not None else 0.0
        webcams = [(cam.name, bool(cam.take or cam.stream)) for cam in self._host.webcams()]
        return Status(
            server_status(linked, http, websocket, session, since),
            http,
            websocket,
            webcam_rows(webcams, session),
        )

    def events(self) -> OutboxState | None:
        """How it stands with the printer's events; None where none are kept."""
        return self._events.state()

    def account(self) -> str | None:
        """The account's plan, "free" or "pro"; None while not known."""
        return self._account

    def _diagnosis_request(self) -> Request:
        from .diagnosis.probes import live_probe

        settings, link = self._host.settings, self._link
        return Request(
            address=settings.server_address(),
            token=settings.token(),
            webcams=list(self._host.webcams()),
            websocket=live_probe(link.supervisor) if link is not None else None,
            user_agent=self._user_agent,
            plugin_version=self._version,
            throttled=self._host.throttled(),
            trust=self.trust.at_stored_address(),
        )

    def _on_diagnosis(self, done: Done) -> None:
        """Let the live channels see what the diagnosis saw, without counting it."""
        link = self._link
        if link is not None:
            link.try_now()
