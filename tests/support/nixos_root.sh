# A root like that of a NixOS, for machines of nix_store.sh: bash functions, to be sourced.
#
#   nixos_root_make DIR PROGRAM...   makes the files of such a root in DIR, with these programs of this machine in its PATH
#   nixos_root_possible              whether this machine can
#
# With NIX_MACHINE_ROOT=DIR, nix_machine_start gives its machine that root: programs in /run/current-system/sw/bin alone, /bin/sh,
# /usr/bin/env, an /etc with what a NixOS has there; no apt, no dpkg, no /usr but for env, no /lib. What a NixOS has in its store
# (libraries, git's own programs) lies in /run/current-system/sw/lib, where nothing but the loader's cache leads to it.

nixos_root_possible() {
    unshare --mount --propagation private true 2> /dev/null && [[ -x $(nixos_root_ldconfig) ]] &&
        { command -v pivot_root || command -v busybox; } > /dev/null
}
nixos_root_ldconfig() { PATH=$PATH:/usr/sbin:/sbin command -v ldconfig; }

# The libraries of these programs, the loader among them.
nixos_root_libraries() { ldd "$@" 2> /dev/null | grep -oE '/[^ ]+ \(0x[0-9a-f]+\)$' | cut -d' ' -f1 | sort -u; }

nixos_root_make() {
    local root=$1 system=/run/current-system/sw program place sources=() loader library
    shift
    mkdir -p "$root"/{bin,etc/ssl/certs,usr/bin,lib64} "$root$system"/{bin,lib} "$root/run/wrappers/bin"
    for program in "$@"; do
        place=$(type -P "$program") || { echo "no $program here" >&2; return 1; }
        cp -P "$place" "$root$system/bin/"
        [[ ! -L $place ]] || cp -Ln "$(readlink -f "$place")" "$root$system/bin/"
        sources+=("$(readlink -f "$place")")
    done
    # Its own programs, and templates, are where git was built to be.
    cp -rL "$(git --exec-path)" "$root$system/lib/git-core"
    mkdir "$root$system/lib/git-templates"
    printf '#!/bin/sh\nexport GIT_EXEC_PATH=%s GIT_TEMPLATE_DIR=%s\nexec %s/git "$@"\n' "$system/lib/git-core" \
        "$system/lib/git-templates" "$system/lib/git-core" > "$root$system/bin/git"
    sources+=("$(git --exec-path)"/git-remote-http)
    [[ ! -d /usr/lib/locale/C.utf8 ]] || cp -rL /usr/lib/locale "$root$system/lib/locale"
    : > "$root/nix.conf" # of its machines, besides what they have anyway
    if [[ -e /usr/libexec/nix/build-remote ]]; then # where Debian's Nix looks for it
        cp -L /usr/libexec/nix/build-remote "$root$system/lib/"
        echo "build-hook = $system/lib/build-remote" >> "$root/nix.conf"
    fi
    # What makes a machine of it, and is in nobody's PATH.
    for program in setpriv nix-daemon mount umount mkdir rmdir env bash; do cp -L "$(type -P "$program")" "$root/run/wrappers/bin/" && sources+=("$(type -P "$program")"); done

    while read -r library; do
        case ${library##*/} in
            ld-linux* | ld64*) loader=$library ;;
            libc.so*) cp -L "$library" "${library%/*}"/libnss_dns.so* "$root$system/lib/" ;;
            *) cp -L "$library" "$root$system/lib/" ;;
        esac
    done < <(nixos_root_libraries "${sources[@]}" "${NIXOS_ROOT_ALSO:-/bin/sh}")
    mkdir -p "$root${loader%/*}"
    cp -L "$loader" "$root$loader" # a NixOS has a stub there
    echo "$system/lib" > "$root/etc/ld.so.conf"
    "$(nixos_root_ldconfig)" -r "$root" -X
    rm "$root/etc/ld.so.conf"

    cp -L /bin/bash "$root/bin/sh"
    ln -s "$system/bin/env" "$root/usr/bin/env"
    printf 'NAME=NixOS\nID=nixos\nVERSION="23.11 (Tapir)"\nVERSION_ID="23.11"\nPRETTY_NAME="NixOS 23.11 (Tapir)"\n' > "$root/etc/os-release"
    touch "$root/etc/NIXOS"
    touch "$root"/etc/{passwd,group} # a machine has its own
    [[ ! -e /etc/ssl/certs/ca-certificates.crt ]] || cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' > "$root/etc/nsswitch.conf"
    cp -L /etc/hosts "$root/etc/hosts"
}

# Runs as the first process of a new mount namespace: makes the files in DIR its root. OUTSIDE, a directory of the test, is seen
# within at the same place. The root is pivoted rather than changed, see nix_store.sh.
nixos_root_enter() {
    local files=$1 outside=$2 root=$1.root place
    mkdir -p "$root"
    mount -t tmpfs -o mode=755 tmpfs "$root"
    mkdir -p "$root"/{bin,etc,usr,lib64,run/current-system,run/wrappers,proc,sys,dev,tmp,nix,var/empty,old} "$root$outside"
    cp -a "$files/etc/." "$root/etc/"
    for place in bin usr lib64 run/current-system run/wrappers; do mount --bind "$files/$place" "$root/$place"; done
    for place in proc sys dev; do mount --rbind "/$place" "$root/$place"; done
    chmod 1777 "$root/tmp"
    mount --bind "$outside" "$root$outside"
    cd "$root" || return
    if command -v pivot_root > /dev/null; then pivot_root . old; else busybox pivot_root . old; fi
    PATH=/run/wrappers/bin
    umount -l /old
    rmdir /old
}
