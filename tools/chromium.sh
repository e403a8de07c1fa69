#!/bin/sh
# Prints the Chromium that the browser tests drive; CHROMIUM in the environment has the last word.
# Where there is none, and apt-get can be used as root, it installs Debian's; elsewhere it says
# what to install.

find_chromium() {
    for candidate in chromium chromium-browser google-chrome google-chrome-stable \
        '/Applications/Chromium.app/Contents/MacOS/Chromium' \
        '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do
        command -v "$candidate" && return 0
    done
    return 1
}

if [ -n "${CHROMIUM:-}" ]; then
    command -v "$CHROMIUM" && exit 0
    echo "CHROMIUM=$CHROMIUM does not exist or cannot be run." >&2
    exit 1
fi
find_chromium && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'Chromium is missing: installing it with apt-get.' >&2
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -q -y --no-install-recommends chromium; } >&2 &&
        find_chromium && exit 0
    echo 'apt-get could not install Chromium; its words stand above.' >&2
    exit 1
fi
{
    echo 'Chromium is needed for the browser tests and was not found.'
    echo '  Debian, Raspberry Pi OS: sudo apt install chromium'
    echo '  macOS: brew install --cask chromium, or install Google Chrome'
    echo '  elsewhere: make CHROMIUM=/path/to/chromium browser'
} >&2
exit 1
