#!/usr/bin/env bash
# Nix 2.8.0, `--timeout` for a derivation that a remote builder builds, and a builder whose own settings have none.
# Guess: the machine that asks keeps watch over its builds wherever they run, or tells the builder the limit; so with ssh-ng:// as
# with ssh:// the build ends as one that took too long.
# Seen: with ssh:// it ends so, though with exit code 1 rather than the 101 of a build here. With ssh-ng:// nobody watches: the
# build takes its time and succeeds. `--max-silent-time` alike.
# Whoever moves a machines file from ssh:// to ssh-ng:// loses the limits, unless the builder's own nix.conf has them.
# (ssh is a script that starts the builder's side in a store of its own; nothing leaves this machine.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0 busybox-static=1:1.35.0-4+deb12u1+b1"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
mkdir -p home conf bin
cat > bin/ssh <<B
#!/usr/bin/env bash
# The last words are what a login shell would be given.
while [[ \$# -gt 0 && \$1 != nix-* && \$1 != */nix-* && \$1 != echo* ]]; do shift; done
exec env NIX_REMOTE="local?root=$work/builder" NIX_CONF_DIR=$work/builder-conf bash -c "\$*"
B
chmod +x bin/ssh
export PATH=$work/bin:$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH NIX_SSHOPTS
mkdir builder-conf
cat > builder-conf/nix.conf <<C
experimental-features = nix-command
build-users-group =
sandbox-paths = /bin/sh=$work/nix/bin/busybox
substituters =
C
cat > conf/nix.conf <<C
experimental-features = nix-command
build-users-group =
sandbox-paths = /bin/sh=$work/nix/bin/busybox
substituters =
C
nix --version
for scheme in here ssh ssh-ng; do
    where=(--builders "$scheme://builder x86_64-linux" --max-jobs 0)
    [[ $scheme != here ]] || where=(--builders '')
    for limit in timeout max-silent-time; do
        echo "derivation { name = \"$scheme-$limit\"; system = builtins.currentSystem; builder = \"/bin/sh\"; args = [ \"-c\" \"sleep 6; echo done > \$out\" ]; }" > default.nix
        code=0
        nix-build --no-out-link default.nix "${where[@]}" "--$limit" 2 > built 2> log || code=$?
        if [[ $code == 0 ]]; then echo "$scheme, $limit: succeeds"
        elif grep -q 'timed out after 2 seconds' log; then echo "$scheme, $limit: timed out, exit code $code"
        else cat log; fi
    done
done | tee out
grep -qx 'here, timeout: timed out, exit code 101' out
grep -qx 'here, max-silent-time: timed out, exit code 101' out
grep -qx 'ssh, timeout: timed out, exit code 1' out
grep -qx 'ssh, max-silent-time: timed out, exit code 1' out
grep -qx 'ssh-ng, timeout: succeeds' out
grep -qx 'ssh-ng, max-silent-time: succeeds' out
