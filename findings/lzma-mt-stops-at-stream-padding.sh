#!/usr/bin/env bash
# lzma-mt 0.2.1 of PyPI (as Python's lzma, on several threads) and an xz archive of two streams with stream padding between them: null
# bytes, four or a multiple of that, which the format allows where archives are joined (The .xz File Format, 2.2).
# Guess: both streams are read, as without padding; a library that cannot do so says that something follows.
# Seen: the second stream is dropped without an error: by decompress() and open(), with one thread and with several, and by Python's
# own lzma, whose way it keeps. cramjam 2.14.0 (PyPI), node-liblzma 5.1.3 (npm), xz and Nix 2.8.0, which fetches such an
# archive, read all of it. (python3 with pip, npm and xz have to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target packages lzma-mt==0.2.1 cramjam==2.14.0
npm install --silent --no-audit --no-fund --prefix . node-liblzma@5.1.3 > /dev/null
mkdir -p home conf
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

seq 100000 > source
path=$(nix-store --add source)
nix copy --to "file://$work/cache?compression=none" "$path" 2> /dev/null
cp cache/nar/* content
split -n 2 content part.
xz part.a?
cat part.aa.xz part.ab.xz > joined
{ cat part.aa.xz; head -c 8 /dev/zero; cat part.ab.xz; } > padded
cat > read.py <<'P'
import sys, cramjam, lzma, lzma_mt
content = open("content", "rb").read()
half = len(content) // 2
for name in ("joined", "padded"):
    archive = open(name, "rb").read()
    for how, read in (
        ("lzma", lambda: lzma.decompress(archive)),
        ("lzma_mt, 1 thread", lambda: lzma_mt.decompress(archive, threads=1)),
        ("lzma_mt, 2 threads", lambda: lzma_mt.decompress(archive, threads=2)),
        ("lzma_mt.open", lambda: lzma_mt.open(name).read()),
        ("cramjam", lambda: bytes(cramjam.xz.decompress(archive))),
    ):
        got = read()
        print(f"{name}: {how}: {'whole' if got == content else 'the first stream' if got == content[:half] else 'other bytes'}")
P
cat > read.mjs <<'J'
import fs from "node:fs";
import { unxzSync } from "node-liblzma";
for (const name of ["joined", "padded"])
    console.log("%s: node-liblzma: %s", name, unxzSync(fs.readFileSync(name)).equals(fs.readFileSync("content")) ? "whole" : "not whole");
J
{
    PYTHONPATH=packages python3 read.py
    node read.mjs
    for name in joined padded; do
        rm -rf other home/.cache
        [[ ! -d fetched ]] || { chmod -R u+w fetched; rm -rf fetched; }
        mkdir -p other/nar
        cp cache/nix-cache-info other/
        cp $name other/nar/archive
        sed -e 's|^URL: .*|URL: nar/archive|' -e "s|^Compression: .*|Compression: xz|" -e '/^File/d' cache/*.narinfo > "other/$(basename cache/*.narinfo)"
        NIX_REMOTE="local?root=$work/fetched" nix copy --from "file://$work/other" "$path" 2> error && result=whole || result=$(tail -n 1 error)
        echo "$name: Nix: $result"
        xz -d -c < $name | cmp - content && echo "$name: xz: whole"
    done
} | tee out
[[ $(grep -c '^joined: .*: whole$' out) == 8 ]]
[[ $(grep -c '^padded: lzma.*: the first stream$' out) == 4 ]]
for reader in cramjam node-liblzma Nix xz; do grep -qx "padded: $reader: whole" out; done
