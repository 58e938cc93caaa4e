#!/bin/sh
# Makes the virtual environment named by the first argument with a Python that is new enough.
set -eu

venv=$1
export PYTHON="${PYTHON:-python3}"
if ! command -v "$PYTHON" >/dev/null 2>&1; then
    echo "No $PYTHON here. Install Python 3.11 or later, or name one: make PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$PYTHON is $("$PYTHON" --version 2>&1); Wattproof needs Python 3.11 or later." >&2
    echo "  -> name a newer one: make PYTHON=python3.11" >&2
    exit 1
fi
"$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1 || sh "$(dirname "$0")/system_packages.sh" python3-venv
"$PYTHON" -m venv "$venv"
