"""Every cause in words: what it means and what to do. The one place where these texts stand.

A cause's id travels; its words are looked up here as late as possible and then translated. The
placeholders in braces are filled in with what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..server.causes import Cause


def N_(text: str) -> str:
    """Mark a text for the translators; it is translated where it is shown."""
    return text


@dataclass(frozen=True)
class Entry:
    """A cause in words: a title of a few words, one sentence, at most five steps.

    `closer` is the explanation where all that it names has been seen; a channel that merely failed
    knows less than a diagnosis.
    """

    title: str
    explanation: str
    remedy: tuple[str, ...]
    closer: str = ""


_CHECK_ADDRESS = N_(
    "Check the Server Address in Settings > Obico for OctoPrint > Settings: {address}"
)
_TRY_BROWSER = N_(
    "Open {address} in a browser on another device in the same network: "
    "it should show the Obico login page."
)
_WAIT = N_("Wait a few minutes: the plugin keeps trying and comes back by itself.")
_LINK_AGAIN = N_("Link this OctoPrint again: Troubleshooting > Re-run Wizard.")
_ADMIN_OF_PROXY = N_(
    "Is there a reverse proxy (nginx, Apache, Traefik, Caddy) or a firewall in "
    "front of the server? Let it pass {address} unchanged."
)
_CHECK_CLOCK = N_(
    "Check this computer's date and time (command: date). A Raspberry Pi has no "
    "clock battery and takes the time from the network."
)
_ADD_CERTIFICATE = N_(
    "Your own authority? Name its certificate's file in Settings > Obico for OctoPrint > CA file, "
    "or install it (Debian: /usr/local/share/ca-certificates, then update-ca-certificates)."
)
_ACCEPT_CERTIFICATE = N_(
    "Your own server? Press “Accept this certificate…” in the plugin's Troubleshooting, after "
    "comparing the fingerprint with the server's."
)
_CHECK_WEBCAM = N_(
    "Correct the {which} in Settings > Webcam & Timelapse (“Classic Webcam”) "
    "and press its Test button: {url}"
)
_PROXY_SETTING = N_(
    "The proxy comes from the environment variables HTTP_PROXY, HTTPS_PROXY or "
    "ALL_PROXY of the OctoPrint service. Correct or remove them, or add {host} to "
    "NO_PROXY, then restart OctoPrint."
)
_CHECK_NETWORK = N_("Is this computer's network up? Check the cable or the Wi-Fi, and the router.")
_WEBSOCKET_NGINX = N_(
    "nginx in front of your server? Let it pass WebSockets to /ws/: proxy_http_version 1.1; "
    'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
)
_WEBSOCKET_APACHE = N_(
    "Apache? a2enmod proxy_wstunnel, and before the rule for /: "
    "ProxyPass /ws/ ws://127.0.0.1:3334/ws/"
)
_WEBSOCKET_OTHERS = N_(
    "Traefik and Caddy pass WebSockets by themselves, if their rule covers /ws/ as well: "
    "Host(`{host}`) without PathPrefix; reverse_proxy 127.0.0.1:3334 without a path."
)
_FORBIDDEN_WEBSOCKETS = N_(
    "Company or school network, or a virus scanner? It may forbid WebSockets: try a phone's "
    "hotspot."
)

CATALOGUE: Mapping[Cause, Entry] = {
    # ---- Address
    Cause.ADDRESS_MISSING: Entry(
        N_("No server address"),
        N_("The Server Address is empty."),
        (
            N_(
                "Open Settings > Obico for OctoPrint > Settings and press Restore Default for the "
                "Obico Cloud, or enter the address of your own server."
            ),
        ),
    ),
    Cause.ADDRESS_MALFORMED: Entry(
        N_("Unusable server address"),
        N_("The Server Address {address} cannot be used: {problem}."),
        (
            N_(
                "Enter it in this form: https://app.obico.io (the cloud) or "
                "http://192.168.1.5:3334 (your own server)."
            ),
            N_("Restore Default brings the address of the Obico Cloud back."),
        ),
    ),
    Cause.ADDRESS_RETIRED: Entry(
        N_("Former server address"),
        N_("{address} is the former address of the Obico Cloud. It is {new} now."),
        (N_("Press Restore Default beside the Server Address and save."),),
    ),
    Cause.ADDRESS_REDIRECTED: Entry(
        N_("Redirected to another address"),
        N_(
            "{address} sends us on to {location}. On the way the credentials get lost, so the "
            "address has to be entered as it is in the end."
        ),
        (N_("Change the Server Address to {suggestion} and save."),),
    ),
    Cause.ADDRESS_PATH_WRONG: Entry(
        N_("Too much behind the server's name"),
        N_("An Obico Server answers at {suggestion}, but not at {address}."),
        (N_("Change the Server Address to {suggestion} and save."),),
    ),
    Cause.HTTPS_REQUIRED: Entry(
        N_("The server wants https"),
        N_("{host}, port {port}, speaks TLS (encrypted), but the address begins with http://."),
        (
            N_("Change the Server Address to https://{host}:{port} and save."),
            N_("Or use the port on which the server speaks plain HTTP (3334 by default)."),
        ),
    ),
    # ---- This computer and its network
    Cause.NETWORK_DOWN: Entry(
        N_("No network"),
        N_("This computer has no network connection over which {host} could be reached."),
        (
            _CHECK_NETWORK,
            N_("On the computer, look for an address: ip addr"),
            N_("Restart the router, then this computer."),
        ),
    ),
    Cause.HOST_UNREACHABLE: Entry(
        N_("Host not reachable"),
        N_(
            "The network says that {host} cannot be reached. In the same network this means that "
            "the machine is off or has another address."
        ),
        (
            N_("Is the machine with the Obico Server on and connected?"),
            N_("Has its IP address changed? Look it up in the router."),
            _CHECK_ADDRESS,
        ),
    ),
    Cause.GATEWAY_UNREACHABLE: Entry(
        N_("Router not reachable"),
        N_(
            "The router (default gateway) {gateway} does not answer, so nothing beyond this "
            "computer's own network can be reached. It is connected by {interface}."
        ),
        (
            N_("Is the router on? Restart it, and wait until its lights are steady."),
            N_("Cable: is it plugged in at both ends? Wi-Fi: is this the right network?"),
            N_("Restart this computer, so that it asks the router for its settings again."),
            N_("Was the router replaced, or its address changed? Now it is expected at {gateway}."),
        ),
    ),
    Cause.WIFI_SIGNAL_WEAK: Entry(
        N_("Weak Wi-Fi signal"),
        N_("The Wi-Fi signal at {interface} is weak: {signal}. Connections drop or get slow."),
        (
            N_("Move the printer's computer or the router closer together, or turn its antenna."),
            N_("Away from metal, the printer's frame and USB 3 cables, which disturb Wi-Fi."),
            N_("Best: connect this computer with a network cable."),
            N_("Or put a Wi-Fi repeater half way."),
        ),
    ),
    Cause.PACKET_LOSS: Entry(
        N_("Data gets lost on the way"),
        N_("{percent} % of the packets were lost {where} ({lost} of {sent})."),
        (
            N_("Lost in your own network: use a network cable, or mend the Wi-Fi signal."),
            N_("Lost beyond the router: restart the router, then ask your Internet provider."),
            N_("Is somebody uploading or streaming at this moment? Test again afterwards."),
        ),
    ),
    Cause.HIGH_LATENCY: Entry(
        N_("Slow connection"),
        N_("An answer from {host} takes {ms} ms on average (500 ms and less are usual)."),
        (
            N_("Is somebody uploading or streaming at this moment? Test again afterwards."),
            N_("Mobile or satellite Internet? Then this is normal; everything works, but later."),
            N_("VPN on this computer or router? Try without it."),
        ),
    ),
    Cause.POWER_UNDERVOLTAGE: Entry(
        N_("Power supply too weak"),
        N_(
            "The Raspberry Pi reports under-voltage {when}. It gets slow then, and its Wi-Fi and "
            "USB fail at random."
        ),
        (
            N_("Use the official power supply for this model, with its own short cable."),
            N_("Take power-hungry USB devices off, or put them on a hub with its own supply."),
            N_("Does the printer feed the Pi over USB? Interrupt that 5 V line."),
        ),
    ),
    Cause.CLOCK_WRONG: Entry(
        N_("The clock is wrong"),
        N_("This computer's clock is about {amount} {unit} {direction}."),
        (_CHECK_CLOCK, N_("Let it set itself: sudo timedatectl set-ntp true")),
    ),
    Cause.IPV6_BROKEN: Entry(
        N_("IPv6 goes nowhere"),
        N_("{host} has IPv6 addresses, but connecting to them fails; IPv4 works."),
        (
            N_(
                "Nothing has to be done: IPv4 is used. To mend it, restart the router or switch "
                "IPv6 "
                "off there."
            ),
        ),
    ),
    Cause.MTU_BLACKHOLE: Entry(
        N_("Large packets get lost"),
        N_(
            "Small packets to and from {host} pass, but large ones disappear without an error: "
            "something on the way swallows them (path MTU)."
        ),
        (
            N_("VPN, PPPoE or mobile router? Lower its MTU to 1400, or switch MSS clamping on."),
            N_("Try on this computer: sudo ip link set dev {interface} mtu 1400"),
            N_("Firewall of your own? Let ICMP “fragmentation needed” pass."),
            N_("Docker on the server's machine? Its network's MTU must not exceed the line's."),
        ),
        N_(
            "Small requests to {host} pass, but a large one ({bytes} bytes) disappears without an "
            "error: something on the way swallows large packets (path MTU)."
        ),
    ),
    # ---- Name resolution
    Cause.DNS_NAME_NOT_FOUND: Entry(
        N_("Name not found"),
        N_(
            "The name {host} was not found: it does not exist, or this computer's name service "
            "(DNS) does not know it."
        ),
        (
            N_("Check the spelling of the Server Address: {host}"),
            N_("Own server? Use its IP address instead of its name, e.g. http://192.168.1.5:3334"),
            N_("A name that ends in .local needs avahi: sudo apt install avahi-daemon"),
            _CHECK_NETWORK,
            N_("Restart the router: it usually is the name server as well."),
        ),
        N_("The name {host} was not found. Name servers that were asked: {resolvers}."),
    ),
    Cause.DNS_NO_ADDRESS: Entry(
        N_("Name without an address"),
        N_("The name {host} exists, but no IP address belongs to it."),
        (
            N_("Check the spelling of the Server Address: {host}"),
            N_("Own domain? Add an A record for {host} at your DNS provider."),
        ),
        N_(
            "The name {host} exists, but no IP address belongs to it. Name servers that were "
            "asked: {resolvers}."
        ),
    ),
    Cause.DNS_SERVER_FAILURE: Entry(
        N_("Name server fails"),
        N_(
            "The name server (DNS) that this computer uses answered with an error when it was "
            "asked for {host}."
        ),
        (
            N_("Restart the router: it usually is the name server as well."),
            N_("Enter another name server in the network settings, e.g. 1.1.1.1 or 9.9.9.9."),
        ),
        N_("The name servers (DNS) failed when they were asked for {host}: {resolvers}."),
    ),
    Cause.DNS_TIMEOUT: Entry(
        N_("Name server does not answer"),
        N_("No name server (DNS) answered when this computer asked for {host}."),
        (
            _CHECK_NETWORK,
            N_("Restart the router: it usually is the name server as well."),
            N_("Enter another name server in the network settings, e.g. 1.1.1.1 or 9.9.9.9."),
        ),
        N_("No name server (DNS) answered when this computer asked for {host}: {resolvers}."),
    ),
    Cause.DNS_UNAVAILABLE: Entry(
        N_("No name server"),
        N_(
            "This computer has no working name server (DNS): {resolvers}. So no name can be "
            "found, also not {host}."
        ),
        (
            N_("Restart the router, then this computer, so that it gets a name server again."),
            N_("Enter a name server in the network settings, e.g. 1.1.1.1 or 9.9.9.9."),
            N_("Own server in the same network? Use its IP address instead of its name."),
            N_("Look which name servers are configured: cat /etc/resolv.conf"),
        ),
    ),
    Cause.DNS_BLOCKED: Entry(
        N_("Name blocked"),
        N_(
            "The name server answers {addresses} for {host}: that is how ad blockers and "
            "parental filters block a name."
        ),
        (N_("Allow {host} in the ad blocker (Pi-hole, AdGuard) or filter of your network."),),
    ),
    # ---- Connecting
    Cause.CONNECTION_REFUSED: Entry(
        N_("Connection refused"),
        N_(
            "{host} refuses connections at port {port}: nothing is listening there, or a firewall "
            "declines."
        ),
        (
            N_("Is the Obico Server running? On its machine: docker compose ps"),
            N_("Is the port right? A self-hosted server usually has 3334. Now: {port}"),
            _TRY_BROWSER,
        ),
    ),
    Cause.CONNECTION_TIMED_OUT: Entry(
        N_("No answer to the connection"),
        N_(
            "{host} did not answer at port {port}. Something on the way swallows the connection: "
            "the machine is off, the address is another's, or a firewall is silent."
        ),
        (
            _CHECK_NETWORK,
            _TRY_BROWSER,
            N_("Own server? Is its machine on, and does its firewall allow port {port}?"),
            N_(
                "Does the router allow this computer to reach the Internet (guest network, "
                "parental "
                "control)?"
            ),
        ),
    ),
    Cause.CONNECTION_RESET: Entry(
        N_("Connection cut off"),
        N_("{host} took the connection at port {port} and cut it off without an answer."),
        (_WAIT, _ADMIN_OF_PROXY, N_("Does the address have to begin with https://?")),
    ),
    Cause.PROXY_UNREACHABLE: Entry(
        N_("Proxy not reachable"),
        N_("A proxy is configured, {proxy}, but it cannot be reached."),
        (_PROXY_SETTING, N_("Is the proxy running, and are its name and port right?")),
        N_("A proxy is configured, {proxy}, but it cannot be used: {reason}."),
    ),
    Cause.PROXY_AUTHENTICATION_REQUIRED: Entry(
        N_("Proxy wants a password"),
        N_("The proxy {proxy} demands a user name and a password, or does not accept those given."),
        (
            _PROXY_SETTING,
            N_("Put both into the proxy's address, before its name, parted from it by an @."),
        ),
    ),
    Cause.PROXY_REFUSED: Entry(
        N_("Proxy refuses"),
        N_("The proxy {proxy} refuses to connect to {host}, port {port} (status {status})."),
        (
            N_("Ask the proxy's administrator to allow connections to {host}, port {port}."),
            N_(
                "Status 500 to 504, with SOCKS 3 to 6, says that the proxy cannot reach the "
                "server. Is the Server Address right, and the server up? {address}"
            ),
            _PROXY_SETTING,
        ),
    ),
    # ---- TLS
    Cause.TLS_CERTIFICATE_EXPIRED: Entry(
        N_("Certificate expired"),
        N_(
            "The TLS certificate of {host} (the server's proof of identity) has expired, or this "
            "computer's clock is ahead."
        ),
        (
            N_("Own server? Renew its certificate."),
            _CHECK_CLOCK,
        ),
        N_(
            "The TLS certificate of {host} (the server's proof of identity) expired on {not_after}."
        ),
    ),
    Cause.TLS_CERTIFICATE_NOT_YET_VALID: Entry(
        N_("Certificate not yet valid"),
        N_(
            "The TLS certificate of {host} (the server's proof of identity) is not valid yet. "
            "Usually this computer's clock is behind."
        ),
        (_CHECK_CLOCK, N_("Own server? Check its clock and the dates of its certificate.")),
        N_(
            "The TLS certificate of {host} (the server's proof of identity) is valid only from "
            "{not_before} on."
        ),
    ),
    Cause.TLS_HOSTNAME_MISMATCH: Entry(
        N_("Certificate for another name"),
        N_("The TLS certificate that answers for {host} is made out to other names: {names}"),
        (
            N_("Enter the Server Address with the name that stands in the certificate."),
            N_("Or give the server a certificate for {host}."),
            _ACCEPT_CERTIFICATE,
        ),
    ),
    Cause.TLS_SELF_SIGNED: Entry(
        N_("Self-signed certificate"),
        N_(
            "{host} shows a TLS certificate that it has signed itself. This computer does not "
            "trust it."
        ),
        (
            _ACCEPT_CERTIFICATE,
            _ADD_CERTIFICATE,
            N_("Or get a certificate from a public authority, e.g. Let's Encrypt."),
            N_("In a network at home, http:// with port 3334 works without a certificate."),
        ),
    ),
    Cause.TLS_UNTRUSTED_ISSUER: Entry(
        N_("Certificate from an unknown authority"),
        N_(
            "The TLS certificate of {host} comes from an authority that this computer does not "
            "trust, or an intermediate certificate is missing."
        ),
        (
            N_("Public certificate? Let the server send the whole chain (fullchain.pem)."),
            _ADD_CERTIFICATE,
            _ACCEPT_CERTIFICATE,
            N_("Does an antivirus or a company firewall look into encrypted connections?"),
        ),
        N_(
            "The TLS certificate of {host} comes from {issuer}, an authority that this computer "
            "does not trust, or an intermediate certificate is missing."
        ),
    ),
    Cause.TLS_NOT_SPOKEN: Entry(
        N_("The server does not speak TLS"),
        N_(
            "The address begins with https://, but {host}, port {port}, does not speak TLS "
            "(encryption)."
        ),
        (
            N_("Change the Server Address to http://{host}:{port} and save."),
            N_("Or use the port of the reverse proxy that speaks https."),
        ),
    ),
    Cause.TLS_VERSION_UNSUPPORTED: Entry(
        N_("No common TLS version"),
        N_("{host} and this computer have no TLS version or cipher in common."),
        (
            N_("Update the server, or let it offer TLS 1.2 and 1.3."),
            N_("Old system on this computer? Update it."),
        ),
    ),
    Cause.TLS_CLIENT_CERTIFICATE_REQUIRED: Entry(
        N_("Client certificate required"),
        N_("{host} demands a client certificate, which this plugin has not."),
        (N_("Let the reverse proxy ask for none under /api/ and /ws/ of the Obico Server."),),
    ),
    Cause.TLS_HANDSHAKE_FAILED: Entry(
        N_("Encryption could not be set up"),
        N_(
            "The connection to {host}, port {port}, broke off while encryption (TLS) was being set "
            "up: {reason}."
        ),
        (
            N_(
                "A firewall or filter may cut off connections by name: try another network, e.g. a "
                "phone's hotspot."
            ),
            _ADMIN_OF_PROXY,
            _WAIT,
        ),
    ),
    # ---- HTTP
    Cause.RESPONSE_TIMED_OUT: Entry(
        N_("No answer in time"),
        N_("{host} took the request, but did not answer it completely in time."),
        (
            _WAIT,
            N_("Own server? Is it overloaded? Restart it: docker compose restart"),
            _TRY_BROWSER,
        ),
    ),
    Cause.NOT_HTTP: Entry(
        N_("Not a web server"),
        N_("At {host}, port {port}, something answers that is no web server."),
        (_CHECK_ADDRESS, N_("Is the port right? A self-hosted server usually has 3334.")),
    ),
    Cause.CAPTIVE_PORTAL: Entry(
        N_("A login page is in between"),
        N_(
            "Instead of {host} a login page answers: the network demands a sign-in before it lets "
            "anything pass."
        ),
        (
            N_(
                "Sign in to the network (hotel, school, guest Wi-Fi), or let its administrator "
                "admit "
                "this computer."
            ),
            N_("Own server with a login in front of it? Exempt /api/ and /ws/ from it."),
        ),
        N_(
            "Instead of {host} a login page answers ({portal}): the network demands a sign-in "
            "before it lets anything pass."
        ),
    ),
    Cause.NOT_AN_OBICO_SERVER: Entry(
        N_("Not an Obico Server"),
        N_(
            "{address} answers, but it is not an Obico Server: it looks like {looks_like} "
            "(status {status})."
        ),
        (
            _CHECK_ADDRESS,
            N_(
                "The address is that of the Obico Server, not that of OctoPrint, the router or the "
                "camera."
            ),
            N_("Is the port right? A self-hosted server usually has 3334."),
        ),
        N_(
            "{address} answers, but it is not an Obico Server: it looks like {looks_like} "
            "(status {status}, page “{title}”)."
        ),
    ),
    Cause.SERVER_TOO_OLD: Entry(
        N_("The server is too old"),
        N_("{address} is an Obico Server, but it does not know the calls of this plugin."),
        (N_("Update your Obico Server: git pull, then docker compose up --build -d"),),
    ),
    Cause.ACCESS_DENIED: Entry(
        N_("Access denied on the way"),
        N_(
            "Something in front of the Obico Server denies access (status {status}): a firewall, a "
            "password of the reverse proxy, or an address filter."
        ),
        (
            N_("Exempt /api/ and /ws/ of the Obico Server from that password or filter."),
            _TRY_BROWSER,
        ),
        N_(
            "Something in front of the Obico Server denies access (status {status}, {server}): a "
            "firewall, a password of the reverse proxy, or an address filter."
        ),
    ),
    Cause.THROTTLED: Entry(
        N_("Too many requests"),
        N_("The server {host} asks us to slow down (status 429)."),
        (_WAIT,),
        N_("{host} asks us to slow down (status 429), and to ask again in {retry_after} s."),
    ),
    Cause.SERVER_UNAVAILABLE: Entry(
        N_("The server is not available"),
        N_("The machine answers, but the Obico Server behind it does not (status {status})."),
        (_WAIT, N_("Own server? Look whether all its containers run: docker compose ps")),
    ),
    Cause.SERVER_ERROR: Entry(
        N_("The server has a fault"),
        N_("The Obico Server answered with an internal error (status {status})."),
        (_WAIT, N_("Own server? Its log says why: docker compose logs web")),
    ),
    Cause.INVALID_RESPONSE: Entry(
        N_("Damaged answer"),
        N_("The server's answer arrived damaged or cut off."),
        (_WAIT, _ADMIN_OF_PROXY),
    ),
    # ---- Credentials
    Cause.NOT_LINKED: Entry(
        N_("Not linked yet"),
        N_("This OctoPrint is not linked to a printer in Obico yet."),
        (
            N_(
                "Link it: Troubleshooting > Re-run Wizard. You need the 6-digit code from the "
                "Obico "
                "app."
            ),
        ),
    ),
    Cause.AUTHORIZATION_STRIPPED: Entry(
        N_("The token gets lost on the way"),
        N_(
            "The token was sent, but did not arrive: something in front of the server removes the "
            "Authorization header. Linking again would not help."
        ),
        (
            N_(
                "Let the reverse proxy pass the header on. nginx: proxy_set_header Authorization "
                "$http_authorization; Apache: CGIPassAuth On, and no RequestHeader unset."
            ),
            N_(
                "Traefik: basicAuth with removeHeader removes it; Caddy: header_up -Authorization "
                "does. Take either out for /api/ and /ws/."
            ),
            N_(
                "A password (Basic) in front of the server needs the same header: remove it for "
                "/api/ and /ws/."
            ),
        ),
    ),
    Cause.CREDENTIALS_INVALID: Entry(
        N_("The server does not know this printer any more"),
        N_(
            "{host} does not accept this printer's token. Usually the printer was deleted or "
            "archived in the Obico app, or it was linked anew elsewhere with a copy of this "
            "system."
        ),
        (
            N_("Look in the Obico app whether the printer is archived, and bring it back."),
            _LINK_AGAIN,
            N_(
                "Own server? Check that the Server Address is the server on which this printer was "
                "linked: {address}"
            ),
        ),
    ),
    Cause.CREDENTIALS_SHARED: Entry(
        N_("Another printer uses the same token"),
        N_(
            "A second OctoPrint is connected with this printer's token, and each throws the other "
            "out. Usually the SD card was copied or a backup was restored on another machine."
        ),
        (
            N_("Switch the other OctoPrint off, or link it anew as a printer of its own."),
            _LINK_AGAIN,
        ),
    ),
    # ---- WebSocket
    Cause.WEBSOCKET_REFUSED: Entry(
        N_("WebSocket refused"),
        N_(
            "HTTP works, but the WebSocket (the second, lasting connection) was refused by {host} "
            "with status {status}."
        ),
        (
            _WEBSOCKET_NGINX,
            _WEBSOCKET_APACHE,
            _WEBSOCKET_OTHERS,
            N_("Does the server itself work without the proxy? Try its port 3334 directly."),
            _FORBIDDEN_WEBSOCKETS,
        ),
        N_(
            "HTTP works, but the WebSocket (the second, lasting connection) was refused by {host} "
            "with status {status}: {who}."
        ),
    ),
    Cause.WEBSOCKET_HANDSHAKE_TIMED_OUT: Entry(
        N_("WebSocket gets no answer"),
        N_(
            "HTTP works, but the request for a WebSocket (the second, lasting connection) is not "
            "answered by {host}."
        ),
        (_WEBSOCKET_NGINX, _WEBSOCKET_APACHE, _WEBSOCKET_OTHERS, _FORBIDDEN_WEBSOCKETS),
    ),
    Cause.WEBSOCKET_RESET: Entry(
        N_("WebSocket cut off"),
        N_(
            "HTTP works, but the connection is cut off when a WebSocket (the second, lasting "
            "connection) is asked for."
        ),
        (_WEBSOCKET_NGINX, _WEBSOCKET_APACHE, _WEBSOCKET_OTHERS, _FORBIDDEN_WEBSOCKETS),
    ),
    Cause.WEBSOCKET_INVALID_HANDSHAKE: Entry(
        N_("WebSocket garbled"),
        N_(
            "HTTP works, but what answers over the WebSocket (the second, lasting connection) does "
            "not keep to its rules: {detail}. Something in between answers in the server's place."
        ),
        (_WEBSOCKET_NGINX, _WEBSOCKET_APACHE, _WEBSOCKET_OTHERS, _ADMIN_OF_PROXY),
    ),
    Cause.WEBSOCKET_DROPPED: Entry(
        N_("WebSocket does not stay open"),
        N_(
            "The WebSocket (the second, lasting connection) opened, but was closed after "
            "{seconds} s (close code: {code})."
        ),
        (
            _WAIT,
            N_("Own server? If it closes at once, its Redis may be down: docker compose ps"),
            N_(
                "Reverse proxy in front of it? Raise its idle time-out. nginx: proxy_read_timeout "
                "120s; Apache: ProxyTimeout 120; Traefik: respondingTimeouts.readTimeout=0 of the "
                "entry point; Caddy has none."
            ),
            N_("Cloudflare or another service in between? Switch WebSockets on in its settings."),
        ),
    ),
    Cause.WEBSOCKET_UNRESPONSIVE: Entry(
        N_("WebSocket is silent"),
        N_(
            "The WebSocket (the second, lasting connection) is open, but {host} does not speak "
            "over it as it should (waited for {seconds} s)."
        ),
        (
            _WAIT,
            _CHECK_NETWORK,
            N_("Own server? Restart it: docker compose restart"),
            _WEBSOCKET_NGINX,
            _WEBSOCKET_APACHE,
        ),
    ),
    # ---- Webcam
    Cause.WEBCAM_NOT_CONFIGURED: Entry(
        N_("No snapshot URL"),
        N_("The webcam {webcam} has neither a snapshot URL nor a stream URL."),
        (N_("Enter its snapshot URL in Settings > Webcam & Timelapse (“Classic Webcam”)."),),
    ),
    Cause.WEBCAM_URL_MALFORMED: Entry(
        N_("Unusable webcam URL"),
        N_("The {which} of {webcam} cannot be used: {url}"),
        (N_("It has to be complete, e.g. http://127.0.0.1:8080/?action=snapshot"), _CHECK_WEBCAM),
    ),
    Cause.WEBCAM_UNREACHABLE: Entry(
        N_("Webcam not reachable"),
        N_("The webcam {webcam} cannot be reached at {url} ({detail})."),
        (
            N_("Is the camera plugged in and its service running? Restart this computer."),
            _CHECK_WEBCAM,
        ),
    ),
    Cause.WEBCAM_TIMED_OUT: Entry(
        N_("Webcam too slow"),
        N_("The webcam {webcam} did not give a complete picture in time: {url}"),
        (
            N_("Choose a smaller resolution for the camera."),
            N_("Is the camera used by another program?"),
            _CHECK_WEBCAM,
        ),
    ),
    Cause.WEBCAM_AUTHENTICATION_REQUIRED: Entry(
        N_("Webcam wants a password"),
        N_("The webcam {webcam} demands a user name and a password (status {status}): {url}"),
        (
            N_(
                "Enter both in Settings > Webcam & Timelapse (“Classic Webcam”), snapshot "
                "authentication."
            ),
        ),
    ),
    Cause.WEBCAM_NOT_FOUND: Entry(
        N_("Wrong webcam URL"),
        N_("The webcam {webcam} has nothing at this address (status 404): {url}"),
        (_CHECK_WEBCAM,),
    ),
    Cause.WEBCAM_ERROR: Entry(
        N_("Webcam reports an error"),
        N_("The webcam {webcam} answered with an error (status {status}): {url}"),
        (N_("Restart the camera's service, or this computer."), _CHECK_WEBCAM),
    ),
    Cause.WEBCAM_NOT_AN_IMAGE: Entry(
        N_("Not a JPEG picture"),
        N_("The {which} of {webcam} gives {looks_like} instead of a JPEG picture: {url}"),
        (_CHECK_WEBCAM,),
    ),
    Cause.WEBCAM_STREAM_AS_SNAPSHOT: Entry(
        N_("Stream URL in place of the snapshot URL"),
        N_("The snapshot URL of {webcam} gives an endless video stream: {url}"),
        (
            N_(
                "Stream URL and snapshot URL have been mixed up. A snapshot URL often ends in "
                "?action=snapshot, a stream URL in ?action=stream."
            ),
            _CHECK_WEBCAM,
        ),
    ),
    Cause.WEBCAM_TOO_LARGE: Entry(
        N_("Picture too large"),
        N_("The pictures of {webcam} are larger than 5 MB."),
        (N_("Choose a smaller resolution for the camera: 1280 x 960 is all that is used."),),
    ),
    Cause.WEBCAM_CORRUPT: Entry(
        N_("Damaged picture"),
        N_("The webcam {webcam} gave {looks_like}."),
        (
            N_("Check the camera's cable and power supply."),
            N_("Restart the camera's service, or this computer."),
        ),
    ),
    # ---- None of them
    Cause.UNKNOWN_ERROR: Entry(
        N_("Unknown error"),
        N_("Something failed in a way that this plugin does not know ({error})."),
        (
            N_("Press TEST again."),
            N_("If it stays, save the result and send it to the support: the details are in it."),
        ),
    ),
}
