#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): copying one path without its references into a binary cache.
# Guess: --no-recursive writes the path's narinfo and NAR; a cache is a bag of files, and its closure is the reader's affair.
# Seen: it is refused while a reference has no narinfo there, although the same cache may lose that narinfo afterwards (rm) and
# is then read without a word. A cache with holes cannot be made with `nix copy`, only kept.
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
let make = name: text: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo ${text} > $out" ]; };
in make "top" "${make "lib" "x"}"
N
nix-build --no-out-link default.nix > built 2> log || { cat log; exit 1; }
top=$(< built)
if nix copy --no-recursive --to "file://$work/cache" "$top" > out 2>&1; then echo "it was copied"; exit 1; fi
cat out
grep -q "is not valid" out
nix copy --to "file://$work/cache" "$top"
for info in cache/*.narinfo; do grep -q '^StorePath: .*-lib$' "$info" && rm "$info"; done
nix path-info --store "file://$work/cache" "$top"
