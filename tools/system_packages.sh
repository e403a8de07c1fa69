#!/bin/sh
# Installs what the tests need beside Python and the browser: with apt-get, as root, what is missing.
# Elsewhere it says what to install and what is not tested without it. Quick where all is there.

# command and Debian package, none of which starts a server; the first line's are for the tests with
# a network of their own
NEEDED='ip:iproute2 iptables:iptables ip6tables:iptables ping:iputils-ping dnsmasq:dnsmasq-base
faketime:faketime tinyproxy:tinyproxy-bin microsocks:microsocks'
# Commands that are taken out of their package: installed whole, it would start a server, now and at
# every boot, that nobody asked for.
TAKEN='promtool:prometheus prometheus:prometheus'
TAKEN_TO=/usr/local/bin

PATH="$PATH:/usr/sbin:/sbin" # a user's own path often lacks them

missing_packages() {
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
    done | sort -u | tr '\n' ' '
}

# take PACKAGE: put those of its commands that are missing into TAKEN_TO
take() {
    folder=$(mktemp -d) || return
    (
        cd "$folder" && apt-get download -q "$1" && dpkg-deb --extract ./*.deb . || exit
        for pair in $TAKEN; do
            command -v "${pair%%:*}" >/dev/null || install -v "usr/bin/${pair%%:*}" "$TAKEN_TO"
        done
    )
    rm -rf "$folder"
}

# shellcheck disable=SC2086  # one word for each package, here and below
missing=$(missing_packages $NEEDED) taken=$(missing_packages $TAKEN)
[ -z "$missing$taken" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing with apt-get: $missing$taken" >&2
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get update -q
        [ -z "$missing" ] || apt-get install -q -y --no-install-recommends $missing
        for package in $taken; do take "$package"; done
    } >&2
    missing=$(missing_packages $NEEDED) taken=$(missing_packages $TAKEN)
    [ -z "$missing$taken" ] && exit 0
    echo 'apt-get could not install all of it; its words stand above.' >&2
fi
{
    echo "Some tests need these packages, which were not found: $missing$taken"
    echo '  Debian, Raspberry Pi OS: sudo sh tools/system_packages.sh'
    echo 'Faults of the network (no route, lost packets, name servers) are made in network'
    echo 'namespaces, which need Linux and root. Prometheus and its promtool check the metrics and'
    echo 'docs/monitoring. Elsewhere those tests are left out, and say so.'
} >&2
exit 1
