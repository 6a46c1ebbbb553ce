#!/usr/bin/env python3
"""Makes the derivations of a corpus valid in a Nix store: import_corpus.py CORPUS-FOLDER STORE-ROOT

Their files do not hash to their own names (tests/data/README.md), so Nix would refuse to add them; they are put into its
database as they are. Good for asking, not for building. The store's database must exist (nix-store --init).
"""
import pathlib
import re
import shutil
import sqlite3
import sys

corpus, root = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
store = root / "nix/store"
store.mkdir(parents=True, exist_ok=True)
database = sqlite3.connect(root / "nix/var/nix/db/db.sqlite")
ids = {}


def register(path):
    if path not in ids:
        row = database.execute(
            "INSERT INTO ValidPaths (path, hash, registrationTime, narSize) VALUES (?, ?, 1, 1)", (path, "sha256:" + "0" * 64))
        ids[path] = row.lastrowid
    return ids[path]


path_in_text = re.compile(rb'"(/nix/store/[0-9a-z]{32}-[^"]*)"')
outputs_in_text = re.compile(rb'\("([^"]*)","(/nix/store/[^"]*)",')
for file in sorted((corpus / "drvs").iterdir()):
    name = "/nix/store/" + file.name
    text = file.read_bytes()
    # Derive([outputs],[(input derivation,[names]), ...],[sources],...
    outputs, rest = text[len(b"Derive("):].split(b"],[", 1)
    inputs, rest = (b"", rest[2:]) if rest.startswith(b"],[") else rest.split(b"])],[", 1)
    sources = rest.split(b"]", 1)[0]
    referrer = register(name)
    for reference in path_in_text.findall(inputs + b"," + sources):
        database.execute("INSERT OR IGNORE INTO Refs VALUES (?, ?)", (referrer, register(reference.decode())))
    for output, path in outputs_in_text.findall(outputs):
        database.execute("INSERT OR REPLACE INTO DerivationOutputs VALUES (?, ?, ?)", (referrer, output.decode(), path.decode()))
    shutil.copyfile(file, store / file.name)
database.commit()
print(len(ids), "paths")
