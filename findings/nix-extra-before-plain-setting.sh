#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): the order of lines in nix.conf decides whether an `extra-` setting counts.
# Guess: extra-substituters is added to substituters wherever it stands.
# Seen: it is added to what was set so far, so a later `substituters =` throws it away; the other way round both count.
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

shown() { nix show-config | sed -n 's/^substituters = //p'; }
printf '%s https://a.example\nextra-substituters = https://b.example\n' "$common" > conf/nix.conf
after=$(shown)
printf '%s\nextra-substituters = https://b.example\nsubstituters = https://a.example\n' "${common%substituters =}" > conf/nix.conf
before=$(shown)
printf 'extra- after:  %s\nextra- before: %s\n' "$after" "$before"
[[ $after == "https://a.example https://b.example" && $before == "https://a.example" ]]
