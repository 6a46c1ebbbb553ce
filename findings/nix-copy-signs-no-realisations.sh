#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): copying a content-addressed output into a binary cache that has "secret-key" in its URL.
# Guess: everything the cache then serves is signed with that key: the narinfo, and the realisation that says which output the
# derivation has.
# Seen: the narinfo is signed, the list of signatures in the realisation is empty.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_STORE_DIR=$work/store NIX_STATE_DIR=$work/state NIX_LOG_DIR=$work/log
unset NIX_CONFIG NIX_PATH NIX_REMOTE
mkdir -p home conf
printf 'experimental-features = nix-command flakes ca-derivations\nbuild-users-group =\nsubstituters =\nsandbox = false\n' > conf/nix.conf
nix --version

cat > one.nix << 'NIX'
derivation {
  name = "one";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "echo one > $out" ];
  __contentAddressed = true;
  outputHashMode = "recursive";
  outputHashAlgo = "sha256";
}
NIX
nix key generate-secret --key-name made-here-1 > key
nix build --no-link -f one.nix 2> error || { cat error; exit 1; }
nix copy --to "file://$work/cache?secret-key=$work/key" -f one.nix 2> /dev/null
{
    echo "narinfos signed: $(grep -l '^Sig: made-here-1:' cache/*.narinfo | wc -l) of $(ls cache/*.narinfo | wc -l)"
    echo "realisations: $(cat cache/realisations/*.doi | python3 -c '
import json, sys
one = json.loads(sys.stdin.read())
print("signatures", one["signatures"])')"
} | tee out
grep -qx "narinfos signed: 1 of 1" out
grep -qx "realisations: signatures \[\]" out
