#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): whom trusted-public-keys believes, when two keys have one name, or a key is cut short.
# Guess: any of the listed keys may verify a signature; a key that is not whole is an error, or is passed over.
# Seen: of two keys with one name only the first counts, so a cache that changed its key under its old name is not believed
# however many keys are listed; a key without its final "=" verifies; one word that is no key stops every signed path.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0 busybox-static=1:1.35.0-4+deb12u1+b1"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
mkdir -p home conf
common='experimental-features = nix-command flakes
build-users-group =
sandbox-paths = /bin/sh='"$work"'/nix/bin/busybox
substituters ='
echo "$common" > conf/nix.conf
nix --version

cat > default.nix <<'N'
derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo x > $out" ]; }
N
for key in old new; do
    nix key generate-secret --key-name cache-1 > $key.sec
    nix key convert-secret-to-public < $key.sec > $key.pub
done
path=$(nix-build --no-out-link default.nix 2> /dev/null)
nix store sign --key-file new.sec "$path" 2> /dev/null
nix copy --to "file://$work/cache" "$path"
fetched() { # by a store that has nothing, believing KEYS
    local code=0
    NIX_REMOTE="local?root=$work/reader" nix build --no-link --option substituters "file://$work/cache" --option trusted-public-keys "$1" \
        --option require-sigs true --option max-jobs 0 "$path" > out 2>&1 || code=$?
    chmod -R u+w reader; rm -rf reader home/.cache
    [[ $code == 0 ]] && echo yes || echo no
}
new=$(< new.pub) old=$(< old.pub)
result="new: $(fetched "$new"); old then new: $(fetched "$old $new"); new then old: $(fetched "$new $old"); without =: $(fetched "${new%=}"); beside no key: $(fetched "bad $new")"
echo "$result"
[[ $result == "new: yes; old then new: no; new then old: yes; without =: yes; beside no key: no" ]]
