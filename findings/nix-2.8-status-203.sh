#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): a cache behind something that answers 203 ("Non-Authoritative Information": a proxy has changed something)
# instead of 200; for comparison 201, 202 and 206.
# Guess: every 2xx with the right bytes is a success; or, if Nix is strict, nothing but 200 is.
# Seen: 200, 201 and 206 are taken, 202 and 203 are not: an archive that came whole with 203 counts as an HTTP error.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
mkdir -p home conf cache
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

cat > serve.py << 'PYTHON'
import http.server, os
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
    def send_response(self, code, message=None):
        wanted = self.path.split("/")[1]
        super().send_response(int(wanted) if code == 200 and "/nar/" in self.path else code)
    def translate_path(self, path): return os.getcwd() + "/cache/" + path.split("/", 2)[2]
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
fetch() { # fetch STATUS
    rm -rf home/.cache
    [[ ! -d fetched ]] || { chmod -R u+w fetched; rm -rf fetched; }
    local result=fetched
    NIX_REMOTE="local?root=$work/fetched" nix copy --from "$url/$1" "$path" --option download-attempts 1 2> error ||
        result=$(grep -a '^error' error | tail -n 1 | sed -e "s|$url|URL|" -e 's/.*: //')
    echo "$1: $result"
}
for status in 200 201 202 203 206; do fetch "$status"; done | tee out
for status in 200 201 206; do grep -qx "$status: fetched" out; done
for status in 202 203; do grep -q "^$status: HTTP error $status" out; done
