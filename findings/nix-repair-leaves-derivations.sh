#!/usr/bin/env bash
# Nix 2.8.0 (Debian bookworm): `nix-store --verify --check-contents --repair` and a damaged .drv.
# Guess: a .drv is a store path like others; its text is known from evaluation, so it is written anew, or named and kept.
# Seen: the damage is named, nothing repairs it, the command ends with 1 each time; evaluating the expression again does not
# write it either, as the path counts as valid. Deleting it, then evaluating, helps.
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
drv=$(nix-instantiate default.nix 2> /dev/null)
file=$work/store$drv
chmod u+w "$file"
sed 's/echo x/echo y/' "$file" > changed && cat changed > "$file" && chmod a-w "$file"
for try in 1 2; do
    code=0
    nix-store --verify --check-contents --repair > out 2>&1 || code=$?
    echo "try $try: exit $code, $(grep -c "was modified" out) named"
    [[ $code == 1 ]]
done
cat out
nix-instantiate default.nix > /dev/null 2>&1
grep -q "echo y" "$file" && echo "evaluated again: still damaged"
nix-store --delete "$drv" > /dev/null 2>&1
nix-instantiate default.nix > /dev/null 2>&1
grep -q "echo x" "$file" && echo "deleted and evaluated again: whole"
