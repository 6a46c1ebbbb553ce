#!/usr/bin/env bash
# @hpcc-js/wasm-zstd 1.12.5 of npm and a zstd archive of several frames, one after another, as it comes of archives kept in chunks, or
# of a compressor that works on several parts at once.
# Guess: a zstd archive may have any number of frames, so all are read; or the first one alone.
# Seen: frames that say how large they are (compressed from files) are refused, "Destination buffer is too small", since the first
# one's size is taken for the whole. The same parts compressed from a pipe, which say no size, are read whole, and so are the
# frames of pzstd, since a skippable one is the first of them. (npm, zstd and pzstd have to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @hpcc-js/wasm-zstd@1.12.5 > /dev/null
seq 300000 > content
split -n 3 content part.
for part in part.*; do zstd -q "$part"; done
cat part.*.zst > of-files
for part in part.a?; do zstd -q -c < "$part"; done > of-pipes
pzstd -q -p 2 content -o of-pzstd
cat > read.mjs <<'J'
import fs from "node:fs";
import { Zstd } from "@hpcc-js/wasm-zstd";
const zstd = await Zstd.load();
const content = fs.readFileSync("content");
for (const name of ["part.aa.zst", "of-files", "of-pipes", "of-pzstd"]) {
    try {
        const read = Buffer.from(zstd.decompress(new Uint8Array(fs.readFileSync(name))));
        console.log(`${name}: ${read.equals(content) ? "whole" : read.equals(content.subarray(0, read.length)) ? "the first part" : "other bytes"}`);
    } catch (error) {
        console.log(`${name}: ${error.message}`);
    }
}
J
for archive in of-*; do zstd -q -d -c "$archive" | cmp - content; done
node read.mjs | tee out
grep -qx 'part.aa.zst: the first part' out
grep -qx 'of-files: Decompression failed: Destination buffer is too small' out
grep -qx 'of-pipes: whole' out
grep -qx 'of-pzstd: whole' out
