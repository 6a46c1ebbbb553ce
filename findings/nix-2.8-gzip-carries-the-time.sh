#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): what is the same when one path is copied twice into caches of one compression.
# Guess: the archive, whatever the method, and so FileHash and the file's name, which is that hash.
# Seen: xz, zstd, bzip2, lz4, lzip, compress and br agree; with gzip the time of the copy is within the archive, so a second later it
# is another file with another FileHash. Two jobs that fill one cache with gzip leave two archives of every path, one of which
# no narinfo names.
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
for method in xz zstd bzip2 lz4 lzip compress br gzip; do
    nix copy --to "file://$work/first-$method?compression=$method" "$path" 2> /dev/null
done
sleep 1.1 # the time is one of whole seconds
for method in xz zstd bzip2 lz4 lzip compress br gzip; do
    nix copy --to "file://$work/second-$method?compression=$method" "$path" 2> /dev/null
    cmp -s "first-$method"/nar/* "second-$method"/nar/* && archives=same || archives=different
    cmp -s "first-$method"/*.narinfo "second-$method"/*.narinfo && narinfos=same || narinfos=different
    echo "$method: archives $archives, narinfos $narinfos"
done | tee out
[[ $(grep -c ': archives same, narinfos same$' out) == 7 ]]
grep -qx 'gzip: archives different, narinfos different' out
# Nothing but the four bytes of the time (RFC 1952: MTIME) differs.
cmp -l first-gzip/nar/* second-gzip/nar/* > bytes || true
awk '{ print "at byte", $1 }' bytes
[[ $(awk '$1 < 5 || $1 > 8' bytes | wc -l) == 0 && -s bytes ]]
NIX_REMOTE="local?root=$work/other" nix copy --from "file://$work/second-gzip" "$path"
