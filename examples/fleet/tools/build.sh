#!/bin/sh
# Builds the example fleet's tool: build.sh [OUTPUT] (default: the committed binary beside this script). With Debian 12's
# gcc the result is the committed binary, byte for byte; tests/e2e/fleet_check.sh compares them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=${1:-$here/fleet-tool}
${CC:-gcc} -std=c11 -Os -Wall -Wextra -Werror -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
    -fno-tree-loop-distribute-patterns -fno-strict-aliasing -fno-pie -fcf-protection=none -static -nostdlib -no-pie \
    -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,-z,noexecstack -s -fno-ident \
    -o "$output" "$here/fleet-tool.c"
