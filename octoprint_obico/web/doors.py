"""What the pages and routes need of the agent, and nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from ..diagnosis.job import DiagnosisJob
from ..server.linking import LinkJob
from ..server.outbox import OutboxState
from ..session.alerts import Alerts
from ..session.figures import Series, Session
from ..session.status import Status
from ..trust_keeper import AcceptJob, TrustKeeper

if TYPE_CHECKING:
    from ..discovery_keeper import DiscoveryKeeper
    from ..server.naming import NameJob


class Doors(Protocol):
    """The agent, as far as the browser reaches."""

    @property
    def diagnosis(self) -> DiagnosisJob:
        """The diagnosis that runs, or the last one."""

    @property
    def linking(self) -> LinkJob:
        """The linking that runs, or the last one."""

    @property
    def discovery(self) -> DiscoveryKeeper:
        """What lets the app in the same network find an OctoPrint that is not linked."""

    @property
    def naming(self) -> NameJob:
        """The naming of the printer that runs, or the last one."""

    @property
    def trust(self) -> TrustKeeper:
        """What is trusted, and how an accepted certificate is forgotten."""

    @property
    def accepting(self) -> AcceptJob:
        """The accepting of a certificate that runs, or the last one."""

    @property
    def alerts(self) -> Alerts:
        """What people are told of by themselves."""

    def status(self) -> Status:
        """What is true of the connections just now."""

    def session(self) -> Session:
        """The session's figures."""

    def series(self, seconds: float | None, most: int) -> Mapping[str, Series]:
        """The figures of each channel over time, in at most `most` steps."""

    def events(self) -> OutboxState | None:
        """How it stands with the printer's events; None where none are kept."""

    def account(self) -> str | None:
        """The account's plan, "free" or "pro"; None while not known."""

    def look(self) -> None:
        """Somebody looks at the status."""
