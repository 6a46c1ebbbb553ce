#!/usr/bin/env bash
# Nix 2.8.0: a source and a derivation go to another store by `nix-store --export` and `--import`, and by `nix copy`.
# Guess: both are content-addressed and stay so: what is imported can be checked by its path alone, needs no signature, and is
# taken from any user, as with `nix copy`.
# Seen: `nix copy` keeps that. The format of --export has no place for a content address, and --import does not find it out again,
# not even for a .drv: what was imported is an ordinary path without a signature. `nix store verify` calls it untrusted, and the next
# store that it is copied to refuses it. Who moves derivations to other machines by an export needs a key, or `nix copy`.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0 busybox-static=1:1.35.0-4+deb12u1+b1"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
mkdir -p home conf
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
cat > conf/nix.conf <<C
experimental-features = nix-command
build-users-group =
sandbox-paths = /bin/sh=$work/nix/bin/busybox
substituters =
C
nix --version
echo "a source" > text
echo 'derivation { name = "made"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "read x < ${./text}; echo $x > $out" ]; }' > default.nix
drv=$(nix-instantiate default.nix 2> /dev/null)
source=$(nix-store -q --references "$drv")
in_store() { local store=$1; shift; NIX_REMOTE="local?root=$work/$store" "$@"; }
nix-store --export "$source" "$drv" | in_store imported nix-store --import > /dev/null
nix copy --derivation --to "local?root=$work/copied" "$drv" 2> /dev/null
for store in store imported copied; do
    for path in "$source" "$drv"; do
        kind=$(in_store $store nix path-info $([[ $path != *.drv ]] || echo --derivation) --json "$path" | grep -o '"ca":"[a-z]*' | cut -d'"' -f4 || true)
        echo "$store: ${path#*-} ${kind:-without a content address}"
    done
done | tee kinds
grep -qx 'store: text fixed' kinds
grep -qx 'store: made.drv text' kinds
grep -qx 'imported: text without a content address' kinds
grep -qx 'imported: made.drv without a content address' kinds
grep -qx 'copied: text fixed' kinds
grep -qx 'copied: made.drv text' kinds
for store in imported copied; do
    code=0
    in_store $store nix copy --derivation --to "local?root=$work/from-$store" "$drv" 2> error || code=$?
    if [[ $code == 0 ]]; then echo "from $store: taken"; else echo "from $store: refused, it $(grep -o 'lacks a valid signature' error)"; fi
    in_store $store nix store verify --recursive --derivation "$drv" 2> seen || true
    echo "from $store: $(grep -c 'is untrusted$' seen || true) untrusted"
done | tee trust
grep -qx 'from imported: refused, it lacks a valid signature' trust
grep -qx 'from imported: 2 untrusted' trust
grep -qx 'from copied: taken' trust
grep -qx 'from copied: 0 untrusted' trust
