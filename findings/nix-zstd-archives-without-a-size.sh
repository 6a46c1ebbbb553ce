#!/usr/bin/env bash
# The zstd archives that Nix 2.8.0 writes, read by zstd 1.5.7.2 and fzstd 0.1.1 of PyPI and zstddec 0.3.4 of npm. Nix compresses as it
# reads, so the frame does not say how large its content is. (The first one's documentation has streamed data as supported.)
# Guess: all read it whole; or, where a size is needed, an error says so.
# Seen: zstd reads an archive of up to 128 KiB and refuses a larger one, with an error of lengths that differ. fzstd gives the right
# number of bytes, but other ones. zstddec gives more bytes, and other ones, without an error; told the size (NarSize) it reads
# the archive, and so does its streaming decoder. All three read it once it is compressed from a file, with a size.
# (python3 with pip, npm and zstd have to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target packages zstd==1.5.7.2 fzstd==0.1.1
npm install --silent --no-audit --no-fund --prefix . zstddec@0.3.4 > /dev/null
mkdir -p home conf
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

cat > read.py <<'P'
import sys, fzstd, zstd
archive, content = (open(name, "rb").read() for name in sys.argv[1:])
try:
    print("zstd:", "whole" if zstd.decompress(archive) == content else "other bytes")
except zstd.Error as error:
    print("zstd: refused,", error)
read = bytes(fzstd.decompress(archive))
print("fzstd:", "whole" if read == content else "as many bytes, other ones" if len(read) == len(content) else "another length")
P
cat > read.mjs <<'J'
import fs from "node:fs";
import { ZSTDDecoder } from "zstddec";
import { ZSTDDecoder as StreamingDecoder } from "zstddec/stream";
const [archive, content] = process.argv.slice(2).map((name) => new Uint8Array(fs.readFileSync(name)));
const tell = (read) => (Buffer.from(read).equals(Buffer.from(content)) ? "whole" : `${read.length > content.length ? "more" : "not more"} and other bytes`);
const streaming = new StreamingDecoder();
await streaming.init();
console.log("zstddec streaming: %s", tell(streaming.decode(archive)));
for (const size of [content.length, undefined]) {
    const decoder = new ZSTDDecoder();
    await decoder.init();
    console.log("zstddec%s: %s", size ? ", told the size" : "", tell(decoder.decode(archive, size)));
}
J
readers() { # readers ARCHIVE CONTENT WHOSE
    echo "$3: $(stat -c %s "$2") bytes in $(stat -c %s "$1")"
    PYTHONPATH=packages python3 read.py "$1" "$2"
    node read.mjs "$1" "$2"
}
for lines in 9000 40000; do
    seq $lines > source
    path=$(nix-store --add source)
    nix copy --to "file://$work/plain-$lines?compression=none" "$path" 2> /dev/null
    nix copy --to "file://$work/zstd-$lines?compression=zstd" "$path" 2> /dev/null
    readers zstd-$lines/nar/* plain-$lines/nar/* Nix | tee nix-$lines
    zstd -q plain-$lines/nar/* -o sized-$lines
    readers sized-$lines plain-$lines/nar/* "with a size" | tee with-size-$lines
done
[[ $(cat with-size-* | grep -c ': whole$') == 10 ]]
for lines in 9000 40000; do
    grep -qx 'fzstd: as many bytes, other ones' nix-$lines
    grep -qx 'zstddec: more and other bytes' nix-$lines
    [[ $(grep -c '^zstddec.*: whole$' nix-$lines) == 2 ]]
done
grep -qx 'zstd: whole' nix-9000
grep -q '^zstd: refused, .*length mismatch' nix-40000
