"""Does the server know this printer?"""

from __future__ import annotations

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.http import expect_printer
from ...server.redact import redact
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, failed


def check_credentials(known: Findings, deadline: Deadline) -> Finding:
    """Does the server know this printer?"""
    if known.refusal is not None:
        summary = {
            Cause.NOT_LINKED: N_("no token is stored"),
            Cause.AUTHORIZATION_STRIPPED: N_("the token did not arrive at the server"),
        }.get(known.refusal.cause, N_("the server does not accept the token"))
        return failed(known.refusal, summary)
    value = known.reply.json() if known.reply is not None else None
    printer = value["printer"] if value is not None and expect_printer(value) else {}
    number = printer.get("id")
    facts = {"printer": redact(printer.get("name") or "?")[:80]}
    return Finding(
        Outcome.PASSED,
        N_("linked as “{printer}”"),
        facts,
        None,
        {"printer": facts["printer"], "id": number if isinstance(number, int) else None},
    )
