"""The ids of everything that can be wrong, one name each.

The ids are the stable vocabulary of the diagnosis (users search for them, support answers refer to
them). What they mean in words stands in :mod:`octoprint_obico.diagnosis.catalogue`.
"""

from __future__ import annotations

from .words import Word


class Cause(Word):
    """Why an attempt failed. The value is the id that travels in JSON."""

    # Address
    ADDRESS_MISSING = "address_missing"
    ADDRESS_MALFORMED = "address_malformed"
    ADDRESS_RETIRED = "address_retired"
    ADDRESS_REDIRECTED = "address_redirected"
    ADDRESS_PATH_WRONG = "address_path_wrong"
    HTTPS_REQUIRED = "https_required"
    # This computer and its network
    NETWORK_DOWN = "network_down"
    HOST_UNREACHABLE = "host_unreachable"
    GATEWAY_UNREACHABLE = "gateway_unreachable"
    WIFI_SIGNAL_WEAK = "wifi_signal_weak"
    PACKET_LOSS = "packet_loss"
    HIGH_LATENCY = "high_latency"
    POWER_UNDERVOLTAGE = "power_undervoltage"
    CLOCK_WRONG = "clock_wrong"
    IPV6_BROKEN = "ipv6_broken"
    MTU_BLACKHOLE = "mtu_blackhole"
    # Name resolution
    DNS_NAME_NOT_FOUND = "dns_name_not_found"
    DNS_NO_ADDRESS = "dns_no_address"
    DNS_SERVER_FAILURE = "dns_server_failure"
    DNS_TIMEOUT = "dns_timeout"
    DNS_UNAVAILABLE = "dns_unavailable"
    DNS_BLOCKED = "dns_blocked"
    # Connecting
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_TIMED_OUT = "connection_timed_out"
    CONNECTION_RESET = "connection_reset"
    PROXY_UNREACHABLE = "proxy_unreachable"
    PROXY_AUTHENTICATION_REQUIRED = "proxy_authentication_required"
    PROXY_REFUSED = "proxy_refused"
    # TLS
    TLS_CERTIFICATE_EXPIRED = "tls_certificate_expired"
    TLS_CERTIFICATE_NOT_YET_VALID = "tls_certificate_not_yet_valid"
    TLS_HOSTNAME_MISMATCH = "tls_hostname_mismatch"
    TLS_SELF_SIGNED = "tls_self_signed"
    TLS_UNTRUSTED_ISSUER = "tls_untrusted_issuer"
    TLS_NOT_SPOKEN = "tls_not_spoken"
    TLS_VERSION_UNSUPPORTED = "tls_version_unsupported"
    TLS_CLIENT_CERTIFICATE_REQUIRED = "tls_client_certificate_required"
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed"
    # HTTP
    RESPONSE_TIMED_OUT = "response_timed_out"
    NOT_HTTP = "not_http"
    CAPTIVE_PORTAL = "captive_portal"
    NOT_AN_OBICO_SERVER = "not_an_obico_server"
    SERVER_TOO_OLD = "server_too_old"
    ACCESS_DENIED = "access_denied"
    THROTTLED = "throttled"
    SERVER_UNAVAILABLE = "server_unavailable"
    SERVER_ERROR = "server_error"
    INVALID_RESPONSE = "invalid_response"
    # Credentials
    NOT_LINKED = "not_linked"
    AUTHORIZATION_STRIPPED = "authorization_stripped"
    CREDENTIALS_INVALID = "credentials_invalid"
    CREDENTIALS_SHARED = "credentials_shared"
    # WebSocket
    WEBSOCKET_REFUSED = "websocket_refused"
    WEBSOCKET_HANDSHAKE_TIMED_OUT = "websocket_handshake_timed_out"
    WEBSOCKET_RESET = "websocket_reset"
    WEBSOCKET_INVALID_HANDSHAKE = "websocket_invalid_handshake"
    WEBSOCKET_DROPPED = "websocket_dropped"
    WEBSOCKET_UNRESPONSIVE = "websocket_unresponsive"
    # Webcam
    WEBCAM_NOT_CONFIGURED = "webcam_not_configured"
    WEBCAM_URL_MALFORMED = "webcam_url_malformed"
    WEBCAM_UNREACHABLE = "webcam_unreachable"
    WEBCAM_TIMED_OUT = "webcam_timed_out"
    WEBCAM_AUTHENTICATION_REQUIRED = "webcam_authentication_required"
    WEBCAM_NOT_FOUND = "webcam_not_found"
    WEBCAM_ERROR = "webcam_error"
    WEBCAM_NOT_AN_IMAGE = "webcam_not_an_image"
    WEBCAM_STREAM_AS_SNAPSHOT = "webcam_stream_as_snapshot"
    WEBCAM_TOO_LARGE = "webcam_too_large"
    WEBCAM_CORRUPT = "webcam_corrupt"
    # None of them
    UNKNOWN_ERROR = "unknown_error"


CREDENTIAL_CAUSES = frozenset(
    {Cause.NOT_LINKED, Cause.CREDENTIALS_INVALID, Cause.CREDENTIALS_SHARED}
)
"""The causes that linking again mends; their verdict is "invalid account credentials"."""
