#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm), ca-derivations switched on: building a derivation that is not content-addressed, and copying it.
# Guess: it has no realisation, since its output's path is known from the derivation alone; a cache gets a narinfo and nothing else.
# Seen: Nix records a realisation for it as well, and the copy leaves it in the cache; with the feature off there is none.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
unset NIX_CONFIG NIX_PATH NIX_REMOTE
nix --version

cat > plain.nix << 'NIX'
derivation { name = "plain"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo plain > $out" ]; }
NIX
try() { # try NAME FEATURES: what a cache has after a copy, by a store of its own
    local here=$work/$1
    mkdir -p "$here/home" "$here/conf"
    printf 'experimental-features = %s\nbuild-users-group =\nsubstituters =\nsandbox = false\n' "$2" > "$here/conf/nix.conf"
    export HOME=$here/home NIX_CONF_DIR=$here/conf NIX_STORE_DIR=$here/store NIX_STATE_DIR=$here/state NIX_LOG_DIR=$here/log
    nix build --no-link -f plain.nix 2> error || { cat error; exit 1; }
    nix copy --to "file://$here/cache" -f plain.nix 2> error || { cat error; exit 1; }
    echo "$1: narinfos $(find "$here/cache" -name '*.narinfo' | wc -l), realisations $(find "$here/cache/realisations" -name '*.doi' 2> /dev/null | wc -l)"
}
{
    try with "nix-command flakes ca-derivations"
    try without "nix-command flakes"
} | tee seen
diff seen - << 'TEXT'
with: narinfos 1, realisations 1
without: narinfos 1, realisations 0
TEXT
