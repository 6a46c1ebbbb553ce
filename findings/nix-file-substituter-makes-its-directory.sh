#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): reading from a file:// substituter that does not exist.
# Guess: a directory that is not there is an empty cache, or an error; nothing is written by a read.
# Seen: asking it makes the directory, with nar/, log/, realisations/ and a nix-cache-info, as the user (or root) who asks;
# a substituter that is a slip of the pen in nix.conf leaves such a folder on every machine.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0 busybox-static=1:1.35.0-4+deb12u1+b1"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
mkdir -p home conf
common='experimental-features = nix-command flakes
build-users-group =
sandbox-paths = /bin/sh='"$work"'/nix/bin/busybox
substituters ='
echo "$common" > conf/nix.conf
nix --version

cat > default.nix <<'N'
derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo x > $out" ]; }
N
nix-build --dry-run --option substituters "file://$work/not-there" default.nix > out 2>&1 || { cat out; exit 1; }
find not-there | sort
[[ $(cat not-there/nix-cache-info) == "StoreDir: /nix/store"* && -d not-there/nar && -d not-there/realisations ]]
