# Remote builders of Nix for tests: each a store of its own behind a real sshd on loopback. Bash functions, to be sourced after nix_store.sh.
#
#   builder_start DIR [CONFIG]   makes the machine DIR if need be, and starts its sshd; DIR's own name is what ssh knows it by.
#                                CONFIG: lines as in its nix.conf
#   builder_stop DIR             ends its sshd, and whoever is logged in, in the middle of whatever they do
#   builder_wake DIR             starts its sshd again, where it was
#   builder_forget DIR           it has no path any more, and was sent nothing
#   builder_received DIR WORDS   how often these came in from those who logged in
#   builder_where DIR            lines of a nix.conf with which builds find the name of DIR's machine in /where, and busybox
#   builder_flake DIR HOSTS      a flake whose hosts are these attributes, each made by `make`, see there
#
# ssh does not look at $HOME, so NIX_SSHOPTS names a file that says which port, keys and user a builder has; builder_start sets it.
# All builders of a test lie in one folder. What a client sends is kept in DIR/received, a file for each time that somebody logged in.
# DIR/gate, while it exists, runs in place of what the client asked for.

# A process and all below it.
builder_end_tree() {
    local child
    for child in $(pgrep -P "$1"); do builder_end_tree "$child"; done
    kill -KILL "$1" 2> /dev/null || true
}

builder_where() {
    mkdir -p "$1"
    printf '%s\n' "${1##*/}" > "$1/where"
    printf 'extra-sandbox-paths = /where=%s /bin/busybox=%s\n' "$1/where" "$(command -v busybox)"
}

# What a client asked for, on the builder: its input is kept on the way.
builder_login() {
    local directory=$1 received
    [[ ! -x $directory/gate ]] || exec "$directory/gate"
    received=$(mktemp "$directory/received/XXXXXX")
    exec < <(exec tee "$received")
    nix_in "$directory" bash -c "$SSH_ORIGINAL_COMMAND"
}

builder_start() {
    local directory=$1 config=${2:-} name=${1##*/} all=${1%/*} try port
    mkdir -p "$directory/received" "$directory/ssh"
    [[ -e $directory/ssh/host ]] || ssh-keygen -q -t ed25519 -N '' -f "$directory/ssh/host"
    [[ -e $all/builders.key ]] || ssh-keygen -q -t ed25519 -N '' -f "$all/builders.key"
    [[ $(id -u) != 0 ]] || mkdir -p /run/sshd # sshd wants it empty and root's
    {
        echo '#!/usr/bin/env bash'
        echo 'set -euo pipefail'
        declare -f nix_sandbox_shell nix_base_config nix_home nix_in builder_login
        printf 'NIX_EXTRA_CONFIG=%q\nbuilder_login %q\n' "$(builder_where "$directory"; printf '%s\n' "$config")" "$directory"
    } > "$directory/ssh/login"
    chmod +x "$directory/ssh/login"
    builder_begin "$directory"
    for ((try = 0; try < 20; ++try)); do
        port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
        cat > "$directory/ssh/sshd_config" <<CONFIG
Port $port
ListenAddress 127.0.0.1
HostKey $directory/ssh/host
PidFile $directory/ssh/pid
AuthorizedKeysFile $all/builders.key.pub
ForceCommand $directory/ssh/login
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
MaxStartups 100
CONFIG
        builder_wake "$directory" && break # another may have taken the port meanwhile
    done
    [[ -s $directory/ssh/pid ]] || { echo "sshd of $name did not start:" >&2; cat "$directory/ssh/log" >&2; return 1; }
    cat > "$directory/ssh/client" <<CONFIG
Host $name
    HostName 127.0.0.1
    Port $port
    User $(id -un)
    IdentityFile $all/builders.key
    IdentitiesOnly yes
    UserKnownHostsFile $directory/ssh/known
    GlobalKnownHostsFile /dev/null
    ConnectTimeout 10
CONFIG
    printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$directory/ssh/host.pub")" > "$directory/ssh/known"
    printf 'Include %s\n' "$all"/*/ssh/client > "$all/builders.ssh"
    export NIX_SSHOPTS="-F $all/builders.ssh"
}

builder_wake() {
    local waited
    rm -f "$1/ssh/pid"
    /usr/sbin/sshd -f "$1/ssh/sshd_config" -E "$1/ssh/log" || return 1
    for ((waited = 0; waited < 200; ++waited)); do [[ -s $1/ssh/pid ]] && return; sleep 0.05; done
    return 1
}

builder_stop() {
    local pid
    [[ -s $1/ssh/pid ]] || return 0
    pid=$(< "$1/ssh/pid")
    rm -f "$1/ssh/pid"
    builder_end_tree "$pid"
}

builder_forget() {
    chmod -R u+w "$1/root" 2> /dev/null || true
    rm -rf "$1"/root/*
    builder_begin "$1"
}

# Makes the store's database, which two first clients at the same time may fail at.
builder_begin() {
    SSH_ORIGINAL_COMMAND='nix-store --init' "$1/ssh/login" < /dev/null
    rm -rf "$1"/received/*
}

builder_received() { cat "$1"/received/* | grep -aoF -- "$2" | wc -l; }

# Each host is made of packages. make { name; system ? "x86_64-linux"; seconds ? 0; features ? [ ]; inputs ? [ ]; script ? "" } is one
# that sleeps, and whose output has the line "WHERE FROM TO", its machine and seconds since some moment that all machines share.
builder_flake() {
    mkdir -p "$1"
    cat > "$1/flake.nix" <<NIX
{ outputs = { self }: let
    now = variable: ''read \${variable} rest < /proc/uptime; '';
    make = { name, system ? "x86_64-linux", seconds ? 0, features ? [ ], inputs ? [ ], script ? "" }: derivation {
      inherit name system inputs;
      requiredSystemFeatures = features;
      builder = "/bin/sh";
      args = [ "-c" ''
        read where < /where; \${now "from"}
        echo "\${name} on \$where"
        \${script}
        where=\$where /bin/busybox sleep \${toString seconds}
        \${now "to"}
        echo "\$where \$from \$to" > \$out
        for input in \$inputs; do echo "\$input" >> \$out; done
      '' ];
    };
    host = name: inputs: { config.system.build.toplevel = make { name = "nixos-\${name}"; inherit inputs; }; };
    many = prefix: count: more: map (n: make ({ name = "\${prefix}-\${toString n}"; } // more)) (builtins.genList (n: n + 1) count);
  in { nixosConfigurations = { $2 }; }; }
NIX
    git -C "$1" init -q
    git -C "$1" add .
    git -C "$1" -c user.name=f -c user.email=f@example.org commit -q -m flake
}
