#!/bin/sh
# Writes requirements.txt anew from pyproject.toml, and that of the fuzzer, with the hash of every file that pip may
# choose on any machine.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pip-tools==7.6.2

pinned() {
    "$folder/venv/bin/pip-compile" --quiet --generate-hashes --strip-extras --allow-unsafe \
        --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options "$@"
}

pinned --extra platform --extra dev --output-file "$folder/requirements.txt" pyproject.toml
{
    echo "# Everything this project is built and tested with, pinned by hash; written by 'make lock' from pyproject.toml."
    cat "$folder/requirements.txt"
} > requirements.txt

echo "atheris==3.0.0" > "$folder/fuzz.in"
pinned --no-annotate --output-file "$folder/fuzz.txt" "$folder/fuzz.in"
{
    echo "# What 'make fuzz' installs beside the rest, pinned by hash; written by 'make lock'."
    cat "$folder/fuzz.txt"
} > tools/fuzz/requirements.txt
