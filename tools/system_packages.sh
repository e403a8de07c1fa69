#!/bin/sh
# Installs what the tests need beside Python and the browser: with apt-get, as root, what is missing.
# Elsewhere it says what to install and what is not tested without it. Quick where all is there.

# command and Debian package; the first line's are for the tests with a network of their own
NEEDED='ip:iproute2 iptables:iptables ip6tables:iptables ping:iputils-ping dnsmasq:dnsmasq-base
faketime:faketime'

PATH="$PATH:/usr/sbin:/sbin" # a user's own path often lacks them

missing_packages() {
    for pair in $NEEDED; do
        command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
    done | sort -u | tr '\n' ' '
}

missing=$(missing_packages)
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing with apt-get: $missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # one word for each package
    { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >&2
    missing=$(missing_packages)
    [ -z "$missing" ] && exit 0
    echo 'apt-get could not install all of it; its words stand above.' >&2
fi
{
    echo "Some tests need these packages, which were not found: $missing"
    echo "  Debian, Raspberry Pi OS: sudo apt install $missing"
    echo 'Faults of the network (no route, lost packets, name servers) are made in network'
    echo 'namespaces, which need Linux and root. Elsewhere those tests are left out, and say so.'
} >&2
exit 1
