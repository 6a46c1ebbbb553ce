{ packages, builders, settings, ... }:
let
  inherit (builders) make local writeText linkFarm;

  system-path = linkFarm "system-path" (map
    (package: { path = "share/installed/${package.name}"; target = package; })
    (with packages; [ git vim htop tmux ripgrep starship nix ]));

  etc = linkFarm "etc" [
    { path = "nix/nix.conf"; target = writeText "nix.conf" "experimental-features = nix-command flakes\n"; }
    { path = "zshrc"; target = writeText "etc-zshrc" "export EDITOR=vim\n"; }
  ];

  toplevel = make (local // {
    name = "darwin-system-24.11";
    inherit etc;
    path = system-path;
    buildCommand = ''mkdir "$out"; ln "$etc" "$out/etc"; ln "$path" "$out/sw"'';
  });

  caches = [ settings.cache settings.upstream ];
in
{
  _type = "configuration";
  class = "darwin";
  pkgs = { inherit (builders) system; };
  system = toplevel;
  config = {
    networking.hostName = "macbook";
    nix.settings = {
      substituters = map (cache: cache.url) caches;
      trusted-public-keys = map (cache: cache.key) caches;
    };
    system.build = { inherit toplevel; };
  };
}
