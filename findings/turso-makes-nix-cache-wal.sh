#!/usr/bin/env bash
# Turso 0.8.3 (pyturso of PyPI, SQLite written anew in Rust) and the narinfo cache of Nix 2.8.0, binary-cache-v6.sqlite, which has a
# rollback journal.
# Guess: who only selects leaves the file as it is, as Python's sqlite3 does.
# Seen: the rows are right, but the first select turns the file into one with a write-ahead log, for good: node-sqlite3-wasm 0.8.60
# (npm), which read it before, cannot open it any more. Nix goes on with it and gives it back its rollback journal when it
# next asks a cache. (python3 with pip and npm have to be there.)
set -euo pipefail
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target packages pyturso==0.8.3
npm install --silent --no-audit --no-fund --prefix . node-sqlite3-wasm@0.8.60 > /dev/null
mkdir -p home conf cache
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

cat > serve.py << 'PYTHON'
import http.server, os
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
    def translate_path(self, path): return os.getcwd() + "/cache" + path
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open("port.new", "w") as port: print(server.server_address[1], file=port)
os.rename("port.new", "port")
server.serve_forever()
PYTHON
python3 serve.py & server=$!
for _ in $(seq 100); do [[ ! -e port ]] || break; sleep 0.1; done
url=http://127.0.0.1:$(< port)

echo "a source" > source
path=$(nix-store --add source)
nix copy --to "file://$work/cache" "$path" 2> /dev/null
nix path-info --store "$url" "$path"
database=home/.cache/nix/binary-cache-v6.sqlite
cat > read.py <<'P'
import importlib, sys
connection = importlib.import_module(sys.argv[1]).connect(sys.argv[2])
print(sys.argv[1] + ":", [tuple(row) for row in connection.execute("select namePart, present from NARs").fetchall()])
connection.close()
P
cat > read.cjs <<'J'
const { Database } = require("node-sqlite3-wasm");
try {
    const database = new Database(process.argv[2], { readOnly: true });
    console.log("node-sqlite3-wasm:", database.get("select count(*) as rows from NARs").rows);
    database.close();
} catch (error) {
    console.log("node-sqlite3-wasm:", error.message);
}
J
# Bytes 18 and 19 of the file: 1 is a rollback journal, 2 a write-ahead log.
journal() { echo "$1: $(od -An -j18 -N2 -tu1 $database | tr -s " "), $(sha256sum < $database | cut -c -8)"; }
{
    journal "as Nix left it"
    python3 read.py sqlite3 $database
    node read.cjs $database
    journal "after these"
    PYTHONPATH=packages python3 read.py turso $database
    journal "after Turso"
    node read.cjs $database
    nix path-info --store "$url" "$path"
    journal "after Nix"
    node read.cjs $database
} | tee out
grep -q '^as Nix left it:  1 1, ' out
[[ $(grep '^as Nix left it' out | cut -d: -f2) == "$(grep '^after these' out | cut -d: -f2)" ]]
grep -q '^after Turso:  2 2, ' out
grep -q '^after Nix:  1 1, ' out
grep -qx "turso: \[('source', 1)\]" out
[[ $(grep '^node' out) == $'node-sqlite3-wasm: 1\nnode-sqlite3-wasm: unable to open database file\nnode-sqlite3-wasm: 1' ]]
