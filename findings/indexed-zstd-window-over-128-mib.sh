#!/usr/bin/env bash
# indexed-zstd 1.7.2 of PyPI (reads at any place of a zstd archive, as for files within a large NAR) and an archive that was compressed
# from a pipe with a window of more than 128 MiB (zstd --long=28).
# Guess: it is read, or refused as zstd and Python's zstandard 0.25.0 refuse it ("Frame requires too much memory").
# Seen: no error, but an empty file: size() is 0, and read() gives no bytes at the start or after a seek. With --long=27 all is
# right. (python3 with pip and zstd have to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target packages indexed-zstd==1.7.2 zstandard==0.25.0
seq 100000 > content
cat > read.py <<'P'
import sys, indexed_zstd, zstandard
content = open("content", "rb").read()
archive = indexed_zstd.IndexedZstdFile(sys.argv[1])
at_start = archive.read(100)
archive.seek(300000)
after_seek = archive.read(100)
print(f"{sys.argv[1]}: size {'right' if archive.size() == len(content) else archive.size()},",
      f"{len(at_start)} bytes at the start, {len(after_seek)} after a seek,",
      "the archive's" if at_start == content[:100] and after_seek == content[300000:300100] else "not the archive's")
try:
    print("zstandard:", len(zstandard.ZstdDecompressor().stream_reader(open(sys.argv[1], "rb")).read()), "bytes")
except zstandard.ZstdError as error:
    print("zstandard:", error)
P
for window in 27 28; do
    zstd -q --long=$window -c < content > long-$window
    PYTHONPATH=packages python3 read.py long-$window
done | tee out
grep -qx "long-27: size right, 100 bytes at the start, 100 after a seek, the archive's" out
grep -qx "long-28: size 0, 0 bytes at the start, 0 after a seek, not the archive's" out
[[ $(grep ^zstandard out) == "zstandard: 588895 bytes"$'\n'*"Frame requires too much memory for decoding" ]]
zstd -q -d --long=28 -c long-28 | cmp - content
