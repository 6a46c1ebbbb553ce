#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): what a narinfo's Compression means when a path is fetched.
# Guess: it names the method; an archive made by another one, or a name that nobody knows, is an error.
# Seen: but for "none" and "br" the name is not looked at. What undoes the compression goes by the archive's first bytes: one of zstd
# is unpacked under xz, bzip2, gzip and "somehow", and even one that was compressed twice, zstd within xz. An archive that is
# not compressed at all is refused under each of these names. (zstd and xz have to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
mkdir -p home conf
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

echo "a source" > source
path=$(nix-store --add source)
nix copy --to "file://$work/cache?compression=none" "$path" 2> /dev/null
cp cache/nar/*.nar plain
zstd -q plain -o zstd
xz -c zstd > zstd-in-xz
fetch() { # fetch ARCHIVE COMPRESSION: from a cache that has this archive under this name
    rm -rf other home/.cache
    [[ ! -d fetched ]] || { chmod -R u+w fetched; rm -rf fetched; }
    mkdir -p other/nar
    cp cache/nix-cache-info other/
    cp "$1" other/nar/archive
    sed -e 's|^URL: .*|URL: nar/archive|' -e "s|^Compression: .*|Compression: $2|" -e '/^File/d' cache/*.narinfo > "other/$(basename cache/*.narinfo)"
    result=fetched
    NIX_REMOTE="local?root=$work/fetched" nix copy --from "file://$work/other" "$path" 2> error || result=$(tail -n 1 error)
    echo "$1 as $2: $result"
}
for name in zstd xz bzip2 gzip lz4 somehow; do fetch zstd $name; done | tee out
[[ $(grep -c ': fetched$' out) == 6 ]]
fetch zstd-in-xz xz | tee out
grep -q ': fetched$' out
{ fetch zstd none; fetch zstd br; fetch plain zstd; } | tee out
grep -q "^zstd as none: error: .*bad archive" out
grep -q "^zstd as br: error: error while decompressing brotli" out
grep -q "^plain as zstd: error: input compression not recognized" out
