"""Which certificates are trusted and which proxies are used: alike for HTTP and WebSocket."""

from __future__ import annotations

import os
import ssl
from urllib.parse import urlsplit

import certifi
from requests.utils import get_environ_proxies, select_proxy

from .address import Address


def build_ssl_context() -> ssl.SSLContext:
    """Return a verifying context that trusts the operating system's certificates and certifi's.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` are read by OpenSSL itself; `REQUESTS_CA_BUNDLE` and
    `CURL_CA_BUNDLE` name a file or folder as they do for `requests`. A missing file is passed over:
    what it would have trusted then shows as an untrusted certificate, with its name.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    extra = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    for place in (certifi.where(), extra):
        if place and os.path.isdir(place):
            context.load_verify_locations(capath=place)
        elif place and os.path.isfile(place):
            context.load_verify_locations(cafile=place)
    return context


def proxy_for(address: Address) -> str | None:
    """Return the URL of the proxy that the environment names for this server, or None.

    `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are read as `requests` reads them; the
    WebSocket uses the proxy of its scheme's HTTP twin. The URL may hold a password: never show it.
    """
    proxies = get_environ_proxies(address.url)
    proxy = select_proxy(address.url, proxies)
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def proxy_endpoint(proxy: str) -> tuple[str, int]:
    """Return host and port of a proxy's URL, without its user name and password."""
    try:
        parts = urlsplit(proxy)
        return parts.hostname or "?", parts.port or (443 if parts.scheme == "https" else 8080)
    except ValueError:  # an environment variable can hold anything; port 0 cannot be reached
        return "?", 0
