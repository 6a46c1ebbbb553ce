{ packages, builders, settings, ... }: host:
let
  caches = host.caches settings;
  toplevel = builders.make {
    name = "darwin-system-24.11";
    path = builders.linkFarm "system-path" (map (name: { path = "share/installed/${name}"; target = packages.${name}; }) host.packages);
    buildCommand = ''mkdir "$out"; ln "$path" "$out/sw"'';
  };
in
{
  pkgs = { inherit (builders) system; };
  system = toplevel;
  config = {
    networking.hostName = host.name;
    nix.settings = { substituters = map (cache: cache.url) caches; trusted-public-keys = map (cache: cache.key) caches; };
    system.build = { inherit toplevel; };
  };
}
