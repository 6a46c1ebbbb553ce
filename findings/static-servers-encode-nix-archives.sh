#!/usr/bin/env bash
# Three libraries that send a folder's files, and the names that Nix 2.8.0 gives its archives (.nar.xz, .nar.bz2, .nar.br, .nar.zst):
# werkzeug 3.1.9 (send_from_directory) and Twisted 26.10.0 (static.File) of PyPI, sirv 3.0.2 of npm.
# Guess: a file is sent as it is, whatever its name ends in, so a file:// cache can be put behind any of them.
# Seen: each takes some endings for an encoding of the transfer and says so by Content-Encoding: werkzeug .xz, .bz2 and .br, Twisted
# .bz2, sirv .br. Nix undoes it, then looks for the compression that the narinfo names, and refuses what was downloaded. Only
# zstd and none are fetched from all three. (python3 with pip and npm have to be there.)
set -euo pipefail
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target packages werkzeug==3.1.9 twisted==26.10.0
npm install --silent --no-audit --no-fund --prefix . sirv@3.0.2 > /dev/null
mkdir -p home conf caches
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

echo "a source" > source
path=$(nix-store --add source)
for method in xz bzip2 br zstd none; do
    nix copy --to "file://$work/caches/$method?compression=$method" "$path" 2> /dev/null
done
cat > werkzeug.py.txt <<'P'
from werkzeug.serving import make_server
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Request
import logging
logging.getLogger("werkzeug").setLevel(logging.ERROR)
application = Request.application(lambda request: send_from_directory("caches", request.path[1:], request.environ))
server = make_server("127.0.0.1", 0, application, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
P
cat > twisted.py.txt <<'P'
from twisted.internet import reactor
from twisted.web import server, static
print(reactor.listenTCP(0, server.Site(static.File("caches")), interface="127.0.0.1").getHost().port, flush=True)
reactor.run()
P
cat > sirv.mjs <<'J'
import http from "node:http";
import sirv from "sirv";
const server = http.createServer(sirv("caches"));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
J
export PYTHONPATH=$work/packages
python3 werkzeug.py.txt > werkzeug.port & servers+=($!)
python3 twisted.py.txt > twisted.port & servers+=($!)
node sirv.mjs > sirv.port & servers+=($!)
for server in werkzeug twisted sirv; do
    for _ in $(seq 300); do [[ ! -s $server.port ]] || break; sleep 0.1; done
    for method in xz bzip2 br zstd none; do
        rm -rf home/.cache
        [[ ! -d fetched ]] || { chmod -R u+w fetched; rm -rf fetched; }
        url=http://127.0.0.1:$(< $server.port)/$method
        code=0
        NIX_REMOTE="local?root=$work/fetched" nix copy --from "$url" "$path" --option download-attempts 1 2> error || code=$?
        result=fetched
        [[ $code == 0 ]] || result=$(grep -a ^error error | tail -n 1)
        encoding=$(python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).headers["Content-Encoding"])' \
            "$url/$(sed -n 's/^URL: //p' caches/$method/*.narinfo)")
        echo "$server: $method: Content-Encoding $encoding: $result"
    done
done | tee out
sed -n 's/^\([a-z]*: [a-z0-9]*\): .*: fetched$/\1/p' out | tr '\n' ';' > fetched-from
[[ $(< fetched-from) == "werkzeug: zstd;werkzeug: none;twisted: xz;twisted: br;twisted: zstd;twisted: none;sirv: xz;sirv: bzip2;sirv: zstd;sirv: none;" ]]
for refused in "werkzeug: xz: Content-Encoding xz" "werkzeug: bzip2: Content-Encoding bzip2" "twisted: bzip2: Content-Encoding bzip2"; do
    grep -qx "$refused: error: input compression not recognized" out
done
for server in werkzeug sirv; do grep -qx "$server: br: Content-Encoding br: error: error while decompressing brotli file" out; done
