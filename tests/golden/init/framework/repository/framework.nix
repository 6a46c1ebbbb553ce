# Every file of the folder is a host, which says what it is made of.
{ parts, folder }:
let
  inherit (builtins) attrNames concatMap filter listToAttrs match readDir;
  names = map (file: builtins.head (match "(.*)\\.nix" file)) (filter (file: match ".*\\.nix" file != null) (attrNames (readDir folder)));
  hosts = map (name: { inherit name; } // import (folder + "/${name}.nix")) names;
  make = kind: host:
    let part = if host.isDarwin or false then parts.darwin else parts.linux; in
    if kind == "nixos" then part.nixosSystem { hostName = host.name; packagesOf = map (name: part.packages.${name}) host.packages; caches = host.caches part.settings; }
    else if kind == "darwin" then import ./darwin.nix part host
    else import ./home.nix part host;
  entries = kind: host:
    if kind == "home" then map (user: { name = "${user}@${host.name}"; value = make kind (host // { inherit user; }); }) (host.users or [ ])
    else if (kind == "darwin") == (host.isDarwin or false) then [ { inherit (host) name; value = make kind host; } ]
    else [ ];
in
{ configurations = kind: listToAttrs (concatMap (entries kind) hosts); }
