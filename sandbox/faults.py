"""What can be broken on purpose, as data: the control page, the docs and the tests read it."""

from __future__ import annotations

from dataclasses import dataclass

SERVER = "server"
WEBSOCKET = "websocket"
WEBCAM = "webcam"

OK = "succeeded"
NO_CONTACT = "failed_to_contact_server"
BAD_CREDENTIALS = "invalid_account_credentials"
WS_FAILED = "websocket_failed"

HEADLINES = {
    OK: "Succeeded",
    NO_CONTACT: "Failed to contact server",
    BAD_CREDENTIALS: "Invalid account credentials",
    WS_FAILED: "Succeeded over HTTP, but the WebSocket connection failed",
}


@dataclass(frozen=True)
class Fault:
    """One way of breaking the sandbox.

    verdict, cause: what the plugin's TEST should say; a cause of None means "no cause".
    cuts: open connections are reset when the fault begins, as it happens in life.
    """

    id: str
    channel: str
    title: str
    simulates: str
    verdict: str
    cause: str | None
    cuts: bool = False

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "channel": self.channel,
            "title": self.title,
            "simulates": self.simulates,
            "verdict": self.verdict,
            "headline": HEADLINES[self.verdict],
            "cause": self.cause,
        }


_SERVER_FAULTS = (
    Fault(
        "unreachable",
        SERVER,
        "Unreachable",
        "The server is switched off: nothing listens on its port, open connections are reset.",
        NO_CONTACT,
        "connection_refused",
        cuts=True,
    ),
    Fault(
        "silent",
        SERVER,
        "Silent",
        "The server hangs: it accepts connections and reads, but never answers; "
        "open sockets freeze.",
        NO_CONTACT,
        "response_timed_out",
    ),
    Fault(
        "http_500",
        SERVER,
        "Error 500",
        "The server has a bug: every request ends in an internal error.",
        NO_CONTACT,
        "server_error",
    ),
    Fault(
        "http_502",
        SERVER,
        "Error 502",
        "The reverse proxy runs, the server behind it does not.",
        NO_CONTACT,
        "server_unavailable",
        cuts=True,
    ),
    Fault(
        "http_503",
        SERVER,
        "Error 503",
        "The server is down for maintenance.",
        NO_CONTACT,
        "server_unavailable",
        cuts=True,
    ),
    Fault(
        "http_429",
        SERVER,
        "Too many requests",
        "The server or a proxy in front of it limits the rate: try again in 30 seconds.",
        NO_CONTACT,
        "throttled",
    ),
    Fault(
        "verify_throttled",
        SERVER,
        "Linking throttled",
        "Too many codes were tried from this address: linking is refused, all else works.",
        OK,
        None,
    ),
    Fault(
        "revoked",
        SERVER,
        "Token revoked",
        "The printer was linked again from elsewhere: the stored token does not work any more.",
        BAD_CREDENTIALS,
        "credentials_invalid",
    ),
    Fault(
        "archived",
        SERVER,
        "Printer archived",
        "The user has archived the printer; an open WebSocket goes on, HTTP says 401.",
        BAD_CREDENTIALS,
        "credentials_invalid",
    ),
    Fault(
        "deleted",
        SERVER,
        "Printer deleted",
        "The user has deleted the printer; an open WebSocket is closed at its next status.",
        BAD_CREDENTIALS,
        "credentials_invalid",
    ),
    Fault(
        "captive_portal",
        SERVER,
        "Captive portal",
        "A guest network sends every request to its own log-in page on another host.",
        NO_CONTACT,
        "captive_portal",
        cuts=True,
    ),
    Fault(
        "login_page",
        SERVER,
        "Log-in page",
        "A guest network or firewall answers every request itself, with a log-in page.",
        NO_CONTACT,
        "captive_portal",
        cuts=True,
    ),
    Fault(
        "not_obico",
        SERVER,
        "Another web server",
        "The address belongs to a web server that is not an Obico Server.",
        NO_CONTACT,
        "not_an_obico_server",
        cuts=True,
    ),
    Fault(
        "auth_stripped",
        SERVER,
        "Authorization stripped",
        "A reverse proxy drops the Authorization header before the server sees it.",
        NO_CONTACT,
        "authorization_stripped",
        cuts=True,
    ),
    Fault(
        "slow",
        SERVER,
        "Slow",
        "The server is overloaded: every answer comes 1.5 seconds late, but it comes.",
        OK,
        None,
    ),
    Fault(
        "truncated_json",
        SERVER,
        "Truncated answers",
        "A broken proxy cuts every JSON answer off in the middle.",
        NO_CONTACT,
        "invalid_response",
    ),
)

_WEBSOCKET_FAULTS = (
    Fault(
        "ws_refused",
        WEBSOCKET,
        "Upgrade dropped (400)",
        "A reverse proxy drops the Upgrade header: the handshake is answered with 400.",
        WS_FAILED,
        "websocket_refused",
        cuts=True,
    ),
    Fault(
        "ws_403",
        WEBSOCKET,
        "Forbidden (403)",
        "A filter forbids WebSockets: the handshake is answered with 403, HTTP works.",
        WS_FAILED,
        "websocket_refused",
        cuts=True,
    ),
    Fault(
        "ws_404",
        WEBSOCKET,
        "Not found (404)",
        "A reverse proxy passes /api/ on but not /ws/: the handshake is answered with 404.",
        WS_FAILED,
        "websocket_refused",
        cuts=True,
    ),
    Fault(
        "ws_silent",
        WEBSOCKET,
        "Handshake unanswered",
        "Something on the way swallows the handshake: it is never answered.",
        WS_FAILED,
        "websocket_handshake_timed_out",
        cuts=True,
    ),
    Fault(
        "ws_reset",
        WEBSOCKET,
        "Handshake reset",
        "A firewall resets the connection as soon as it sees a WebSocket handshake.",
        WS_FAILED,
        "websocket_reset",
        cuts=True,
    ),
    Fault(
        "ws_closed",
        WEBSOCKET,
        "Closed at once",
        "The server's message store is down: sockets open and are closed at once with 1000.",
        WS_FAILED,
        "websocket_dropped",
    ),
    Fault(
        "ws_dropped",
        WEBSOCKET,
        "Dropped after 2 s",
        "A fault inside the server closes each socket with 1011 two seconds after it opened.",
        WS_FAILED,
        "websocket_dropped",
    ),
    Fault(
        "ws_frozen",
        WEBSOCKET,
        "Frozen",
        "The line is dead without being cut: sockets open, but no data and no pongs come back.",
        WS_FAILED,
        "websocket_unresponsive",
    ),
    Fault(
        "copied_token",
        WEBSOCKET,
        "Copied token",
        "A second printer uses the same token and takes the connection over, again and again.",
        BAD_CREDENTIALS,
        "credentials_shared",
    ),
)

_WEBCAM_ROWS = (
    ("unreachable", "Unreachable", "The webcam's streamer does not run.", "webcam_unreachable"),
    ("silent", "Silent", "The streamer accepts connections, but never answers.",
     "webcam_timed_out"),
    ("unauthorized", "Password needed", "The webcam wants a user name and password (401).",
     "webcam_authentication_required"),
    ("not_found", "Not found", "The path in the URL is wrong (404).", "webcam_not_found"),
    ("error", "Error 500", "The streamer runs, but cannot open the camera.", "webcam_error"),
    ("html", "Web page", "The URL is that of the webcam's web page, not of a picture.",
     "webcam_not_an_image"),
    ("png", "PNG picture", "The webcam sends PNG instead of JPEG.", "webcam_not_an_image"),
    ("stream_as_snapshot", "Stream as snapshot",
     "The stream's URL was entered as that of the snapshot.", "webcam_stream_as_snapshot"),
    ("corrupt", "Cut-off picture", "The JPEG ends in the middle.", "webcam_corrupt"),
    ("empty", "Empty picture", "The answer is an empty JPEG.", "webcam_corrupt"),
    ("too_large", "Too large", "The picture has more than 5 MB.", "webcam_too_large"),
    ("slow_drip", "Slow drip", "The picture arrives a few bytes at a time and never completes.",
     "webcam_timed_out"),
)  # fmt: skip

SERVER_FAULTS = {fault.id: fault for fault in _SERVER_FAULTS + _WEBSOCKET_FAULTS}
WEBCAM_FAULTS = {
    id_: Fault(id_, WEBCAM, title, simulates, OK, cause)
    for id_, title, simulates, cause in _WEBCAM_ROWS
}


class UnknownFault(ValueError):
    """There is no fault of that id; the message lists those that exist."""


def find_fault(table: dict[str, Fault], fault_id: str) -> Fault:
    """The fault of that id, else UnknownFault."""
    try:
        return table[fault_id]
    except KeyError:
        known = ", ".join(table)
        raise UnknownFault(f"unknown fault {fault_id!r}; known: {known}") from None
