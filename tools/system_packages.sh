#!/bin/sh
# Sees that each named system package is there, installing it where that is allowed and saying what to install where not.
set -eu

present() {
    case "$1" in
        mosquitto) command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] ;;
        chromium) command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ;;
        libmodbus-dev) [ -f /usr/include/modbus/modbus.h ] ;;
        mbpoll | gcc) command -v "$1" >/dev/null 2>&1 ;;
        libc6-dev) [ -f /usr/include/stdio.h ] ;;
        iproute2) command -v ip >/dev/null 2>&1 ;;
        swtpm) command -v swtpm >/dev/null 2>&1 ;;
        tpm2-tools) command -v tpm2_sign >/dev/null 2>&1 ;;
        openssl) command -v openssl >/dev/null 2>&1 ;;
        fonts-noto-cjk) dpkg -s "$1" >/dev/null 2>&1 || [ -n "$(fc-list :lang=zh 2>/dev/null | head -n 1)" ] ;;
        python3-venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
        *) dpkg -s "$1" >/dev/null 2>&1 ;;
    esac
}

missing=""
for name in "$@"; do
    present "$name" || missing="$missing $name"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing on this system:$missing. Install the packages that provide them, then run make again." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "Missing system packages:$missing" >&2
    echo "  -> run: sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
    echo "     then run make again." >&2
    exit 1
fi
echo "Installing the system packages$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get -q update
# shellcheck disable=SC2086  # the names are words to split
$as_root apt-get -q install -y --no-install-recommends $missing
for name in $missing; do
    present "$name" || { echo "$name was installed but is still not found" >&2; exit 1; }
done
