#!/bin/sh
# Prints the Python that the environments are built with, or says on stderr what to install.
# usage: [PYTHON=interpreter] find_python.sh NEWEST_MINOR
# It must be 3.9 to 3.NEWEST_MINOR (what OctoPrint installs on) and able to make environments.

newest=$1
found=
without_venv=

in_range() {
    "$1" -c "import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, $newest))" 2>/dev/null
}

can_make_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo 'does not run'
}

if [ -n "${PYTHON:-}" ]; then
    candidates=$PYTHON
else
    candidates=python3
    minor=$newest
    while [ "$minor" -ge 9 ]; do
        candidates="$candidates python3.$minor"
        minor=$((minor - 1))
    done
fi

for candidate in $candidates; do
    path=$(command -v "$candidate") || continue
    found="$found $path ($(version_of "$path"))"
    in_range "$path" || continue
    if can_make_venv "$path"; then
        echo "$path"
        exit 0
    fi
    without_venv=$path
done

{
    if [ -n "$without_venv" ]; then
        echo "$without_venv cannot make environments: its modules venv and ensurepip are missing."
        echo "  Debian, Raspberry Pi OS: sudo apt install python3-venv"
    elif [ -n "$found" ]; then
        echo "Python 3.9 to 3.$newest is needed; found:$found."
        echo "  Install one of these and name it: make PYTHON=/path/to/python3.11 ..."
    else
        echo "Python is needed, 3.9 to 3.$newest, and ${PYTHON:-python3} was not found."
        echo "  Debian, Raspberry Pi OS: sudo apt install python3 python3-venv"
        echo "  macOS: xcode-select --install"
    fi
} >&2
exit 1
