"""Answers of the server in the forms that it uses: JSON, HTML pages, and its stock errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from aiohttp import web

from sandbox.state import LinkCode, Printer, Registry

WWW_AUTHENTICATE = {"WWW-Authenticate": "Token"}

NOT_PROVIDED = "Authentication credentials were not provided."
TOKEN_MISSING = "Invalid token header. No credentials provided."
TOKEN_WITH_SPACE = "Invalid token header. Token string should not contain spaces."


def json_reply(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    # As bytes: a text would add a charset to the content type, which the server does not send.
    data = json.dumps(body).encode()
    return web.Response(body=data, status=status, headers=headers, content_type="application/json")


def html_page(
    title: str, text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    page = (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    )
    return web.Response(text=page, status=status, headers=headers, content_type="text/html")


def unauthorized(**body: str) -> web.Response:
    return json_reply(body, status=401, headers=WWW_AUTHENTICATE)


def invalid_token() -> web.Response:
    """The one answer to an unknown, replaced, archived or deleted printer's token."""
    return unauthorized(error="Invalid or Inactive Token", is_authenticated="False")


def not_found_page() -> web.Response:
    return html_page("Not Found", "The requested resource was not found on this server.", 404)


def server_error_page() -> web.Response:
    return html_page("Server Error (500)", "Something went wrong.", 500)


def throttled(retry_after_s: int) -> web.Response:
    """The throttle's answer. `retry_after_s` is also in the text."""
    return json_reply(
        {"detail": f"Request was throttled. Expected available in {retry_after_s} seconds."},
        status=429,
        headers={"Retry-After": str(retry_after_s)},
    )


def iso_date(unix_s: float | None) -> str | None:
    """ISO 8601 in UTC, None for None."""
    if unix_s is None:
        return None
    moment = datetime.fromtimestamp(unix_s, tz=timezone.utc)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def who_am_i(printer: Printer) -> dict[str, Any]:
    return {
        "user": {"is_pro": printer.is_pro},
        "printer": {
            "is_pro": printer.is_pro,
            "id": printer.id,
            "name": printer.name,
            "retract_on_pause": printer.retract_on_pause,
        },
    }


def printer_object(printer: Printer, registry: Registry) -> dict[str, Any]:
    """The printer without its token, as viewers get it."""
    agent = printer.settings.get("agent") or {}
    return {
        "id": printer.id,
        "name": printer.name,
        "created_at": iso_date(printer.created_at),
        "action_on_failure": printer.action_on_failure,
        "watching_enabled": printer.watching_enabled,
        "not_watching_reason": None if printer.should_watch else "Printer is not printing",
        "tools_off_on_pause": printer.tools_off_on_pause,
        "bed_off_on_pause": printer.bed_off_on_pause,
        "retract_on_pause": printer.retract_on_pause,
        "lift_z_on_pause": printer.lift_z_on_pause,
        "detective_sensitivity": printer.detective_sensitivity,
        "min_timelapse_secs_on_finish": printer.min_timelapse_secs_on_finish,
        "min_timelapse_secs_on_cancel": printer.min_timelapse_secs_on_cancel,
        "archived_at": iso_date(registry.clock()) if printer.archived else None,
        "agent_name": agent.get("name"),
        "agent_version": agent.get("version"),
        "pic": None,
        "status": registry.current_status(printer),
        "settings": printer.settings,
        "current_print": None,
        "normalized_p": 0.0,
    }


def verified(link: LinkCode, printer: Printer, registry: Registry) -> dict[str, Any]:
    """The reply to a good code: the only one that holds a token."""
    return {
        "id": link.id,
        "code": link.code,
        "expired_at": iso_date(link.expires_at),
        "verified_at": iso_date(link.verified_at),
        "printer": {**printer_object(printer, registry), "auth_token": printer.token},
    }
