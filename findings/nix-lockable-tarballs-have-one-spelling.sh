#!/usr/bin/env bash
# Nix 2.26.3 (Debian trixie) and 2.34 (sid): a tarball whose server says by a "Link" header where the same can be had for good, for a
# flake's lock file to name that URL ("lockable" tarballs).
# Guess: the header is the one of HTTP (RFC 8288), so any way to write it is understood: without quotes, without the space, with a
# further parameter, with two relations, relative, or in one line with another link, as proxies may join several.
# Seen: one spelling alone is: the absolute URL, "; ", rel="immutable" in quotes, and nothing else in that line; other links may stand
# in lines of their own. A relative URL is an error. With any other spelling the moving URL is locked without a word.
# (Takes the packages of trixie and sid from the mirror that this machine's apt uses. python3 has to be there.)
set -euo pipefail
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset NIX_CONFIG NIX_PATH NIX_REMOTE
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(ORIGIN) $(SITE)' 'Created-By: Packages' | sed -n 's/^Debian //p' | grep -v security | head -n 1)
: > status
apt_of() { # apt_of SUITE ARGUMENT...: with nothing installed, and of no other suite
    apt-get -q -o Dir::Etc::sourcelist="$work/$1/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/$1/lists" \
        -o Dir::State::status="$work/status" -o Dir::Cache="$work/$1/apt" -o APT::Sandbox::User=root "${@:2}"
}
for suite in trixie sid; do
    mkdir -p $suite/lists $suite/apt/archives/partial
    echo "deb $mirror $suite main" > $suite/sources.list
    apt_of $suite update > /dev/null 2>&1
    apt_of $suite install -y --download-only --no-install-recommends nix-bin > /dev/null
    for package in "$suite"/apt/archives/*.deb; do dpkg -x "$package" "$suite/root"; done
    rm -rf $suite/apt $suite/lists
done
nix_of() { # nix_of SUITE NAME ARGUMENT...
    local root=$work/$1/root
    "$root/usr/lib64/ld-linux-x86-64.so.2" --argv0 "$2" --library-path "$root/usr/lib/x86_64-linux-gnu:$root/usr/lib/nix" "$root/usr/bin/$2" "${@:3}"
}
[[ $(nix_of trixie nix --version) == "nix (Nix) 2.26.3" ]] || { echo "trixie has another Nix now"; exit 1; }
[[ $(nix_of sid nix --version) == "nix (Nix) 2.34."* ]] || { echo "sid has another Nix now"; exit 1; }

mkdir conf
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\nflake-registry =\n' > conf/nix.conf
export NIX_CONF_DIR=$work/conf
settle() { # settle NAME: a machine of its own, which has fetched nothing yet
    mkdir -p "$work/$1"
    export HOME=$work/$1 NIX_STORE_DIR=$work/$1/store NIX_STATE_DIR=$work/$1/state NIX_LOG_DIR=$work/$1/log
}

mkdir top
echo hello > top/hello
tar -cf tree.tar top
cat > serve.py <<'PY'
import http.server
import urllib.parse


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = open("tree.tar", "rb").read()
        self.send_response(200)
        # Each line of the query is one header.
        for line in urllib.parse.unquote(self.path.partition("?links=")[2]).splitlines():
            self.send_header("Link", line.replace("HERE", f"http://{self.headers['Host']}"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 serve.py > port &
server=$!
for _ in {1..100}; do [[ -s port ]] && break; sleep 0.1; done
lock() { # lock SUITE LINKS: which URL is locked
    local links
    links=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""))' "$2")
    settle "home-$1"
    if nix_of "$1" nix flake prefetch --json "http://127.0.0.1:$(< port)/moving.tar?links=$links" > locked 2> error; then
        python3 -c 'import json, sys; print("for good" if json.load(sys.stdin)["locked"]["url"].endswith("/kept.tar") else "moving")' < locked
    else
        grep -oE "is not a valid URL|doesn't have a scheme" error > refused || { cat error; exit 1; }
        echo refused
    fi
}
while IFS= read -r links; do
    echo "${links} : $(lock trixie "$(echo -e "$links")"), $(lock sid "$(echo -e "$links")")"
done <<'TEXT' | tee seen
<HERE/kept.tar>; rel="immutable"
<style.css>; rel="preload"\n<HERE/kept.tar>; rel="immutable"
<style.css>; rel="preload", <HERE/kept.tar>; rel="immutable"
<HERE/kept.tar>; rel=immutable
<HERE/kept.tar>;rel="immutable"
<HERE/kept.tar>; rel="immutable"; type="application/x-tar"
<HERE/kept.tar>; rel="immutable canonical"
</kept.tar>; rel="immutable"
TEXT
diff seen - <<'TEXT'
<HERE/kept.tar>; rel="immutable" : for good, for good
<style.css>; rel="preload"\n<HERE/kept.tar>; rel="immutable" : for good, for good
<style.css>; rel="preload", <HERE/kept.tar>; rel="immutable" : moving, moving
<HERE/kept.tar>; rel=immutable : moving, moving
<HERE/kept.tar>;rel="immutable" : moving, moving
<HERE/kept.tar>; rel="immutable"; type="application/x-tar" : moving, moving
<HERE/kept.tar>; rel="immutable canonical" : moving, moving
</kept.tar>; rel="immutable" : refused, refused
TEXT
