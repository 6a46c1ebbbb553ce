# The example fleet for end-to-end tests: bash functions, to be sourced.

fleet_repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# What of the fleet can be built on x86_64-linux, as attributes of its flake. The laptop evaluates only with
# NIXPKGS_ALLOW_UNFREE=1 and --impure.
fleet_hosts=(nixos-desktop nixos-laptop nas template-minimal)

fleet_toplevel() { printf 'nixosConfigurations.%s.config.system.build.toplevel\n' "$1"; }

fleet_targets() {
    local host
    for host in "${fleet_hosts[@]}"; do fleet_toplevel "$host"; done
    echo 'homeConfigurations."alex@nixos-desktop".activationPackage'
    for host in speech-model icon-theme locale-data font-collection wallpapers firefox restic default; do
        echo "packages.x86_64-linux.$host"
    done
    echo checks.x86_64-linux.restic-runs
    echo checks.x86_64-linux.ssh-configuration
}

# Copies the two example flakes into a new git repository DIR: DIR/fleet and DIR/fleet-broken. (They cannot be used as
# path: flakes, because the second reads files of the first.)
fleet_copy() {
    local directory=$1
    mkdir -p "$directory"
    cp -r "$fleet_repository/examples/." "$directory"
    chmod -R u+w "$directory"
    git -C "$directory" init -q
    git -C "$directory" add .
    git -C "$directory" -c user.name=fleet -c user.email=fleet@example.org commit -q -m "the fleet"
}

# fleet_settings DIR CACHE_URL CACHE_KEY UPSTREAM_URL UPSTREAM_KEY EXTRA_URL EXTRA_KEY: the caches that the hosts of a
# copy name. It changes no store path.
fleet_settings() {
    local directory=$1
    shift
    {
        echo '{'
        printf '  cache = { url = "%s"; key = "%s"; };\n' "$1" "$2"
        printf '  upstream = { url = "%s"; key = "%s"; };\n' "$3" "$4"
        printf '  extra = { url = "%s"; key = "%s"; };\n' "$5" "$6"
        echo '}'
    } > "$directory/fleet/settings.nix"
}
