#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): an archive that a server sends with the header "Content-Encoding: identity".
# Guess: identity says that nothing was done to it, so the path is fetched as without the header.
# Seen: Nix undoes a compression because a Content-Encoding is there, and then looks in what comes out for the one that the narinfo
# names: an archive of xz is refused once it has been downloaded.
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
mkdir -p home conf
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

cat > serve.py << 'PYTHON'
import http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        if "/nar/" in self.path and self.path.startswith("/identity/"):
            self.send_header("Content-Encoding", "identity")
        super().end_headers()
    def translate_path(self, path):
        return super().translate_path(path.replace("/identity/", "/"))
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], file=open("port.new", "w"))
import os; os.rename("port.new", "port")
server.serve_forever()
PYTHON
python3 serve.py & server=$!
for _ in $(seq 100); do [[ ! -e port ]] || break; sleep 0.1; done
url=http://127.0.0.1:$(< port)

echo "a source" > source
path=$(nix-store --add source)
nix copy --to "file://$work/xz?compression=xz" "$path" 2> /dev/null
fetch() { # fetch WHERE
    rm -rf home/.cache
    [[ ! -d fetched ]] || { chmod -R u+w fetched; rm -rf fetched; }
    result=fetched
    NIX_REMOTE="local?root=$work/fetched" nix copy --from "$url/$1" "$path" 2> error || result=$(grep '^error' error | tail -n 1)
    echo "$1: $result"
}
{ fetch xz; fetch identity/xz; } | tee out
[[ $(sed -n 1p out) == "xz: fetched" ]]
grep -q "^identity/xz: error: input compression not recognized" out
