#!/usr/bin/env bash
# Nix 2.8.0 with `secret-key-files` and a remote builder (ssh-ng:// and ssh://) that has no key of its own.
# Guess: the machine that asked for a build signs what comes of it and takes it for its own, wherever the builder ran: its user
# trusts the builder, and the setting says that locally built paths are signed.
# Seen: "locally" is meant to the letter. What a builder sent back has no signature and is not `ultimate`; its neighbour of the same
# build, for which there was no builder, has both. A cache filled by `nix copy` from this store takes both, and a client believes
# half of them. Who sells remote builds as his own has to sign after the fact (`nix store sign`).
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
system-features = big-parallel
C
cat > conf/nix.conf <<C
experimental-features = nix-command
build-users-group =
sandbox-paths = /bin/sh=$work/nix/bin/busybox
substituters =
secret-key-files = $work/key
system-features = kvm
C
nix key generate-secret --key-name made-here-1 > key
nix --version
for scheme in ssh-ng ssh; do
    cat > default.nix <<N
let make = name: feature: derivation { inherit name; system = builtins.currentSystem; requiredSystemFeatures = [ feature ];
    builder = "/bin/sh"; args = [ "-c" "echo $scheme > \$out" ]; };
in [ (make "there" "big-parallel") (make "here" "kvm") ]
N
    nix-build --no-out-link default.nix --builders "$scheme://builder x86_64-linux - 1 1 big-parallel" > built 2> log || { cat log; exit 1; }
    # shellcheck disable=SC2046
    nix path-info --sigs $(< built) | sed "s/^[^-]*-\([a-z]*\)/$scheme: \1:/; s/made-here-1:.*/signature/; s/[ \t]\+/ /g; s/ \$//"
done | tee out
for scheme in ssh-ng ssh; do
    grep -qx "$scheme: there:" out
    grep -qx "$scheme: here: ultimate signature" out
done
