#!/usr/bin/env bash
# The daemon of Nix 2.8.0, operation 44 of its protocol (AddMultipleToStore): two store objects in one message, of which the store
# has the first already.
# Guess: what is there is read and dropped, as `nix copy` may meet it whenever somebody else was faster; the second is added.
# Seen: the archive of the first stays unread, and its first words are taken for the name of the second object: "not an absolute
# path: 'nix-archive-1'". Nothing is added. Without the first, or into a store that has neither, all is well. A client has to ask
# what is valid before, and leave that out.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
mkdir home conf
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf
unset NIX_CONFIG NIX_PATH NIX_REMOTE
printf 'experimental-features = nix-command\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

# Two texts, made in a store of their own, with what a message says of each.
echo "derivation { name = \"x\"; system = \"x\"; builder = \"x\"; args = [ (builtins.toFile \"one\" \"first\") (builtins.toFile \"two\" \"second\") ]; }" > default.nix
drv=$(NIX_REMOTE="local?root=$work/maker" nix-instantiate default.nix 2> /dev/null)
for name in one two; do
    path=$(NIX_REMOTE="local?root=$work/maker" nix-store -q --references "$drv" | grep -- "-$name\$")
    NIX_REMOTE="local?root=$work/maker" nix path-info --json "$path" > "$name.json"
    NIX_REMOTE="local?root=$work/maker" nix-store --dump "maker$path" > "$name.nar"
done

cat > client.py <<'P'
import base64, json, struct, subprocess, sys
number = lambda value: struct.pack("<Q", value)
def text(value):
    data = value.encode() if isinstance(value, str) else value
    return number(len(data)) + data + bytes(-len(data) % 8)
daemon = subprocess.Popen(["nix-daemon", "--stdio", "--store", "local?root=" + sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def read_number(): return struct.unpack("<Q", daemon.stdout.read(8))[0]
def read_text():
    length = read_number()
    return daemon.stdout.read(length + -length % 8)[:length].decode()
def send(data): daemon.stdin.write(data); daemon.stdin.flush()
def outcome():
    while True:
        kind = read_number()
        if kind == 0x616c7473: return "added"
        if kind == 0x63787470: # an error: type, level, name, message, position, traces
            read_text(); read_number(); read_text()
            return "refused: " + read_text()
        if kind == 0x6f6c6d67: read_text()
        else: raise SystemExit("unexpected message %x" % kind)
send(number(0x6e697863)); assert read_number() == 0x6478696f
read_number() # what it speaks
send(number(0x121) + number(0) + number(0)) # this side speaks 1.33
read_text() # the daemon's version
assert outcome() == "added"
objects = b""
names = sys.argv[2:]
for name in names:
    info = json.load(open(name + ".json"))[0]
    digest = base64.b64decode(info["narHash"].split("-")[1]).hex()
    objects += text(info["path"]) + text("") + text(digest) + number(0) + number(0) + number(info["narSize"]) + number(0) + number(0) + text(info["ca"])
    objects += open(name + ".nar", "rb").read()
payload = number(len(names)) + objects
send(number(44) + number(0) + number(1))
try: send(number(len(payload)) + payload + number(0))
except BrokenPipeError: pass # it has said why
print(outcome())
daemon.stdin.close(); daemon.wait()
P
try() { # try STORE NAME...: what becomes of one message
    local store=$1; shift
    echo "$*, $store: $(python3 client.py "$work/$store" "$@" | sed 's/\x1b\[[0-9;]*m//g')"
}
{
    try empty one two
    try half one
    try half one two
    try half two
} | tee out
grep -qx 'one two, empty: added' out
grep -qx 'one, half: added' out
grep -qx "one two, half: refused: not an absolute path: 'nix-archive-1'" out
grep -qx 'two, half: added' out
