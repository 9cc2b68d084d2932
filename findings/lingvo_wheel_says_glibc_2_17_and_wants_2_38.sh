#!/usr/bin/env bash
# The wheel of lingvo 0.14.2 is tagged for glibc 2.17, and its op library wants glibc 2.38.
#
# pip installs lingvo-0.14.2-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl wherever glibc is 2.17 or newer. With it,
# `import lingvo.core.py_utils`, and so every layer, loads x_ops.so, which asks for symbols of GLIBC_2.38. On Debian 12 (2.36) and
# Ubuntu 22.04 (2.35) that is a NotFoundError of TensorFlow at import, after an installation without a complaint.
#
# Seen: tags cp311-cp311-manylinux2014_x86_64 and cp311-cp311-manylinux_2_17_x86_64; newest symbol version GLIBC_2.38.
#
# Versions: lingvo 0.14.2. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps lingvo==0.14.2
cd "$folder"
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import importlib.metadata
import re

files = importlib.metadata.distribution("lingvo")
tags = re.findall("^Tag: (.*)$", files.read_text("WHEEL"), re.MULTILINE)
library = next(file for file in files.files if str(file) == "lingvo/core/ops/x_ops.so").locate().read_bytes()
versions = {tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(\d+\.\d+)\0", library)}
print("tags:", tags)
print("newest symbol version: GLIBC_%d.%d" % max(versions))
assert any("manylinux_2_17" in tag for tag in tags) and max(versions) == (2, 38)
PROGRAM
