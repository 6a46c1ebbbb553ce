#!/usr/bin/env bash
# Nix 2.34 (Debian sid) and 2.26.3 (trixie): what is asked of a cache whose narinfos name archives by a URL with a query, or by a file
# name with a "+" in it.
# Guess: what "URL:" says is asked as it stands. So a query may be signed as a whole, as object stores and CDNs do it, or have words
# in it that have no value.
# Seen: so it is with 2.26.3, and with 2.34 in what nix-prefetch-url fetches. But for the archives of a cache 2.34 takes the URL apart
# and writes it anew: the parameters in the order of the alphabet, of two that have one name the first alone, none that has no "="
# (a warning says so), and "+" as %2B, which in a query is another value: whoever wrote "+" there may have meant a space.
# (Takes the packages of trixie and sid from the mirror that this machine's apt uses. python3 has to be there.)
set -euo pipefail
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset NIX_CONFIG NIX_PATH NIX_REMOTE
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
printf 'experimental-features = nix-command\nbuild-users-group =\nsubstituters =\nrequire-sigs = false\n' > conf/nix.conf
export NIX_CONF_DIR=$work/conf
settle() { # settle NAME: a store of its own, and a memory of its own of what caches have
    mkdir -p "$work/$1"
    export HOME=$work/$1 NIX_STORE_DIR=$work/store NIX_STATE_DIR=$work/$1/state NIX_LOG_DIR=$work/$1/log
}
settle made
echo hello > hello
path=$(nix_of sid nix store add-file hello)
nix_of sid nix copy --to "file://$work/cache?compression=none" "$path" 2> error || { cat error; exit 1; }
info=$(echo cache/*.narinfo)
cp "$info" narinfo
mv cache/nar/*.nar archive
# Serves the narinfo, and the archive under every other name; each archive that was asked for stands in "asked".
cat > serve.py <<'PY'
import http.server
import os


class Cache(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        file = "cache" + self.path
        if ".nar" in self.path and not self.path.endswith(".narinfo"):
            file = "archive"
            with open("asked", "a") as asked:
                asked.write(self.path + "\n")
        here = os.path.exists(file)
        body = open(file, "rb").read() if here else b""
        self.send_response(200 if here else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cache)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 serve.py > port &
server=$!
for _ in {1..100}; do [[ -s port ]] && break; sleep 0.1; done
cache=http://127.0.0.1:$(< port)

chmod -R u+w store && rm -rf store
ask() { # ask URL: what each of them asks for, when this is the archive's URL
    local suite
    for suite in trixie sid; do
        { grep -v ^URL narinfo; echo "URL: $1"; } > "$info"
        settle client
        : > asked
        nix_of "$suite" nix copy --from "$cache" "$path" 2> error || { cat error; exit 1; }
        echo "$suite: $1 -> $(< asked)$(grep -q 'ignoring' error && echo ', with a warning')"
        rm -rf client
        [[ ! -d store ]] || { chmod -R u+w store; rm -rf store; }
    done
}
for url in 'nar/a.nar?hash=x' 'nar/a.nar?key=2&expires=1' 'nar/a.nar?part=1&part=2' 'nar/a.nar?download' 'nar/a.nar?key=a+b%2b' 'nar/a+b.nar'; do
    ask "$url"
done | tee seen
settle client
: > asked
nix_of sid nix-prefetch-url --name hello "$cache/a+b.nar?key=2&expires=1&download" > /dev/null 2> error || { cat error; exit 1; }
echo "nix-prefetch-url of sid: $(< asked)" | tee -a seen
diff seen - <<'TEXT'
trixie: nar/a.nar?hash=x -> /nar/a.nar?hash=x
sid: nar/a.nar?hash=x -> /nar/a.nar?hash=x
trixie: nar/a.nar?key=2&expires=1 -> /nar/a.nar?key=2&expires=1
sid: nar/a.nar?key=2&expires=1 -> /nar/a.nar?expires=1&key=2
trixie: nar/a.nar?part=1&part=2 -> /nar/a.nar?part=1&part=2
sid: nar/a.nar?part=1&part=2 -> /nar/a.nar?part=1
trixie: nar/a.nar?download -> /nar/a.nar?download
sid: nar/a.nar?download -> /nar/a.nar, with a warning
trixie: nar/a.nar?key=a+b%2b -> /nar/a.nar?key=a+b%2b
sid: nar/a.nar?key=a+b%2b -> /nar/a.nar?key=a%2Bb%2B
trixie: nar/a+b.nar -> /nar/a+b.nar
sid: nar/a+b.nar -> /nar/a%2Bb.nar
nix-prefetch-url of sid: /a+b.nar?key=2&expires=1&download
TEXT
