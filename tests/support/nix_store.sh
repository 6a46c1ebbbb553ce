# Real Nix for tests and the demo, apart from the machine's own: bash functions, to be sourced.
#
# Everything lives in a directory DIR that the caller names (nix_directory makes one): the store in DIR/root/nix, a home with
# its caches (evaluations, what substituters answered) in DIR/home. So a new directory is a machine that has never seen anything.
#
#   nix_directory                            makes a directory that other users can enter, prints its name
#   nix_in DIR COMMAND...                    runs a command, whose Nix is the store in DIR without any daemon
#   nix_consumer DIR URLS KEYS COMMAND...    the same as a consumer of the caches URLS, trusting exactly KEYS
#   nix_realise DIR URLS KEYS PATH...        fetches PATHs as such a consumer that must not build
#   nix_machine_start DIR TRUSTED_USERS [CONFIG]   a machine with a multi-user daemon, at /nix for those inside
#   nix_machine_run DIR USER COMMAND...      runs a command on that machine, as root or as the user "fleet"
#   nix_machine_stop DIR
#
# With NIX_MACHINE_ROOT, files that nixos_root.sh made, a started machine has those as its root instead of this machine's; of the rest
# only the directory in which DIR lies is seen there.
#
#   nix_remove DIR                           deletes it all
#
# NIX_EXTRA_CONFIG (lines as in nix.conf) is added to the configuration of nix_in, nix_consumer and nix_realise.
#
# What experiments with Nix 2.8, 2.26 and 2.34 taught:
# - A store with another root (`local?root=DIR`) is always built in a sandbox, whatever `sandbox` says, because builders
#   expect /nix/store. Debian's Nix has no shell for its sandbox: sandbox-paths brings one in, which must be static.
# - As root, `build-users-group` must be empty unless the group exists; builders then run as root.
# - A daemon serving such a store works, but its clients would look for files under /nix/store. So the machine below is a mount
#   namespace in which DIR/root/nix *is* /nix, and clients need no setting at all to find the daemon.
# - Nix re-enters the mount namespace that it was started in for git and its build hook. In a namespace that is harmless;
#   after a bare chroot it finds itself outside of it, which is why scripts/nix-matrix pivots its root.
# - Before and after a build Nix kills every process of its build user, in whatever mount namespace: machines that run
#   at the same time need different user ids.
# - Without a terminal device (/dev/pts mounted) builds fail with "opening pseudoterminal master".
# - A path that was asked for and not found stays unknown for an hour in the asking user's cache, and a found one for a month:
#   a test that changes a cache between two questions needs narinfo-cache-*-ttl = 0, or a new directory.

nix_directory() {
    local directory
    directory=$(mktemp -d "${TMPDIR:-/tmp}/nix-test.XXXXXX")
    chmod 755 "$directory" # mktemp's 700 would keep the machine's users out
    printf '%s\n' "$directory"
}

# A static shell for builders, which sandboxes get as /bin/sh.
nix_sandbox_shell() {
    local shell
    for shell in ${NIX_SANDBOX_SHELL:-} /usr/bin/bash-static /bin/bash-static /bin/busybox /usr/bin/busybox; do
        [[ -x $shell ]] && printf '%s\n' "$shell" && return
    done
    echo "no static shell for the sandbox: install bash-static or busybox-static" >&2
    return 1
}

nix_base_config() {
    cat <<CONFIG
experimental-features = nix-command flakes
sandbox = true
sandbox-paths = /bin/sh=$(nix_sandbox_shell)
substituters =
builders =
max-jobs = 2
fsync-metadata = false
narinfo-cache-negative-ttl = 0
narinfo-cache-positive-ttl = 0
CONFIG
}

# Makes a home in which git, and the libgit2 of newer Nix, accept repositories of other users.
nix_home() {
    mkdir -p "$1"
    printf '[safe]\n\tdirectory = *\n[user]\n\tname = fleet\n\temail = fleet@example.org\n' > "$1/.gitconfig"
}

nix_in() {
    local directory=$1 config
    shift
    [[ -d $directory/home ]] || nix_home "$directory/home"
    mkdir -p "$directory/root" "$directory/empty"
    config=$(nix_base_config; echo "build-users-group ="; printf '%s\n' "${NIX_EXTRA_CONFIG:-}")
    env -u NIX_PATH -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME \
        HOME="$directory/home" XDG_CACHE_HOME="$directory/home/.cache" NIX_CONF_DIR="$directory/empty" \
        NIX_REMOTE="local?root=$directory/root" NIX_CONFIG="$config" "$@"
}

nix_consumer() {
    local directory=$1 urls=$2 keys=$3
    shift 3
    NIX_EXTRA_CONFIG="substituters = $urls
trusted-public-keys = $keys
require-sigs = true
fallback = false
${NIX_EXTRA_CONFIG:-}" nix_in "$directory" "$@"
}

nix_realise() {
    local directory=$1 urls=$2 keys=$3
    shift 3
    NIX_EXTRA_CONFIG="max-jobs = 0
${NIX_EXTRA_CONFIG:-}" nix_consumer "$directory" "$urls" "$keys" nix build --no-link "$@"
}

# Whether this process may make mount namespaces, which machines need.
nix_machine_possible() { unshare --mount --propagation private true 2> /dev/null; }

# Runs in the new namespace: puts the store and the users in place and becomes the daemon.
nix_machine_main() {
    local directory=$1 files=$2
    [[ -z $files ]] || nixos_root_enter "$files" "${directory%/*}"
    mkdir -p /nix
    mount --bind "$directory/root/nix" /nix
    mount --bind "$directory/etc/passwd" /etc/passwd
    mount --bind "$directory/etc/group" /etc/group
    exec env -u NIX_REMOTE -u NIX_CONFIG HOME="$directory/home/root" NIX_CONF_DIR="$directory/etc/nix" nix-daemon
}

nix_machine_start() {
    local directory=$1 trusted=$2 more=${3:-} user number base
    base=$((20000 + 8 * ($(cksum <<< "$directory" | cut -d' ' -f1) % 5000)))
    mkdir -p "$directory"/{root/nix/store,root/nix/var/nix,etc/nix,home}
    cp /etc/passwd /etc/group "$directory/etc/"
    printf 'fleet:x:%s:%s::%s:/bin/sh\n' $((base + 5)) $((base + 5)) "$directory/home/fleet" >> "$directory/etc/passwd"
    printf 'fleet:x:%s:\nnixbld:x:%s:nixbld1,nixbld2,nixbld3,nixbld4\n' $((base + 5)) "$base" >> "$directory/etc/group"
    for number in 1 2 3 4; do
        printf 'nixbld%s:x:%s:%s::/var/empty:/usr/sbin/nologin\n' $number $((base + number)) "$base"
    done >> "$directory/etc/passwd"
    chgrp "$base" "$directory/root/nix/store"
    chmod 1775 "$directory/root/nix/store"
    for user in root fleet; do nix_home "$directory/home/$user"; done
    chown -R $((base + 5)):$((base + 5)) "$directory/home/fleet"
    { nix_base_config; printf 'build-users-group = nixbld\ntrusted-users = %s\n%s\n' "$trusted" "$more"; } \
        > "$directory/etc/nix/nix.conf"

    rm -f "$directory/files"
    if [[ -n ${NIX_MACHINE_ROOT:-} ]]; then
        printf '%s' "$NIX_MACHINE_ROOT" > "$directory/files"
        cat "$NIX_MACHINE_ROOT/nix.conf" >> "$directory/etc/nix/nix.conf"
    fi
    unshare --mount --propagation private bash -euc "$(declare -f nix_machine_main nixos_root_enter || true); nix_machine_main \"\$@\"" - \
        "$directory" "${NIX_MACHINE_ROOT:-}" < /dev/null > "$directory/daemon.log" 2>&1 &
    echo $! > "$directory/daemon.pid"
    for ((number = 0; number < 200; ++number)); do
        if [[ -S $directory/root/nix/var/nix/daemon-socket/socket ]]; then
            # Makes the store's database, which two first clients at the same time may fail at.
            nix_machine_run "$directory" root nix-store --gc --print-roots > /dev/null 2>> "$directory/daemon.log"
            return
        fi
        kill -0 "$(< "$directory/daemon.pid")" 2> /dev/null || break
        sleep 0.05
    done
    echo "the Nix daemon did not start:" >&2
    cat "$directory/daemon.log" >&2
    return 1
}

nix_machine_run() {
    local directory=$1 user=$2 setpriv=setpriv path=()
    shift 2
    [[ ! -e $directory/files ]] || setpriv=/run/wrappers/bin/setpriv path=(PATH=/run/current-system/sw/bin LOCPATH=/run/current-system/sw/lib/locale)
    nsenter --mount="/proc/$(< "$directory/daemon.pid")/ns/mnt" -- \
        "$setpriv" --reuid "$user" --regid "$user" --init-groups -- \
        env -u NIX_REMOTE -u NIX_CONFIG -u NIX_PATH -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME \
        "${path[@]}" USER="$user" HOME="$directory/home/$user" XDG_CACHE_HOME="$directory/home/$user/.cache" \
        NIX_CONF_DIR="$directory/etc/nix" \
        bash -c 'cd "$1" && shift && exec "$@"' - "$PWD" "$@"
}

nix_machine_stop() {
    local directory=$1 pid
    [[ -f $directory/daemon.pid ]] || return 0
    pid=$(< "$directory/daemon.pid")
    kill "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
    rm -f "$directory/daemon.pid" "$directory/root/nix/var/nix/daemon-socket/socket"
}

nix_remove() {
    local directory=$1
    nix_machine_stop "$directory"
    chmod -R u+w "$directory/root" 2> /dev/null || true
    rm -rf "$directory"
}
