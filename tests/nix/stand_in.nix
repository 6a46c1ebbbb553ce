# A stand-in of the module systems of NixOS, nix-darwin and home-manager, just large enough for nix/module.nix, without
# nixpkgs. Real ones agree with it: docs/desktop.md shows what NixOS 20.09 rendered, and nix/module.nix rendered here must be
# the same.
let
  inherit (builtins) attrNames attrValues concatLists concatStringsSep elem foldl' isAttrs isBool isList listToAttrs map mapAttrs toJSON toString;
  recursiveUpdate = a: b: a // mapAttrs (n: v: if isAttrs v && a ? ${n} && isAttrs a.${n} && !(v ? outPath) then recursiveUpdate a.${n} v else v) b;
  mapAttrsToList = f: set: map (n: f n set.${n}) (attrNames set);
  # Types say yes or no, so that wrong values are found here, too.
  type = check: { inherit check; };
  types = rec {
    str = type builtins.isString;
    bool = type isBool;
    attrs = type isAttrs;
    package = type (v: isAttrs v && v ? outPath);
    enum = values: type (v: elem v values);
    listOf = t: type (v: isList v && builtins.all t.check v);
    nullOr = t: type (v: v == null || t.check v);
    attrsOf = t: { check = v: isAttrs v && builtins.all t.check (attrValues v); fill = mapAttrs (_: t.fill or (v: v)); };
    submodule = m: {
      check = v: isAttrs v && builtins.all (n: m.options ? ${n} && m.options.${n}.type.check v.${n}) (attrNames v);
      fill = v: mapAttrs (n: o: v.${n} or o.default) m.options;
    };
  };
  lib = {
    inherit types recursiveUpdate mapAttrsToList concatStringsSep concatLists mapAttrs;
    mkOption = o: o // { _type = "option"; };
    mkIf = condition: content: if condition then content else { };
    mkMerge = contents: { _merge = contents; };
    mkDefault = value: value;
    mkBefore = value: value;
    optional = condition: value: if condition then [ value ] else [ ];
    optionalAttrs = condition: value: if condition then value else { };
    hiPrio = package: package // { priority = -10; };
    boolToString = b: if b then "true" else "false";
  };
  # Lists of two definitions of one thing add up, as in the real ones.
  merge = a: b: a // mapAttrs (n: v:
    if !(a ? ${n}) then v
    else if isAttrs v && !(v ? outPath) then merge a.${n} v
    else if isList v then a.${n} ++ v
    else v) b;
  values = options: given: path: mapAttrs (n: o:
    if (o._type or "") == "option" then
      (if given ? ${n} then
        (if o.type.check given.${n} then (o.type.fill or (v: v)) given.${n} else throw "services.cachefill${path}.${n} has a value of another type")
      else o.default)
    else values o (given.${n} or { }) "${path}.${n}") options;
in
{ kind, user }:
let
  pkgs = {
    systemd = "/SYSTEMD";
    stdenv = { isLinux = kind != "darwin"; isDarwin = kind == "darwin"; };
    writeText = name: text: "/STORE/${name}" + builtins.substring 0 0 (builtins.deepSeq text text);
    writeShellScriptBin = name: text: { outPath = "/STORE/${name}"; inherit text; };
    callPackage = file: _: throw "the package was asked for: ${baseNameOf (toString file)}";
  };
  options = { nix = { settings = { }; }; }
    // (if kind == "home" then { home = { }; } else if kind == "darwin" then { launchd = { }; } else { systemd = { }; });
  module = import ../../nix/module.nix {
    inherit lib pkgs options;
    config = {
      services.cachefill = values module.options.services.cachefill user "";
      nix.package = "/NIX";
      home.homeDirectory = "/home/alex";
    };
  };
  config = foldl' merge { } module.config._merge;
  line = name: value:
    if isList value then concatStringsSep "" (map (line name) value)
    else "${name}=${if isBool value then (if value then "true" else "false") else toString value}\n";
  section = set: concatStringsSep "" (mapAttrsToList line set);
  setting = name: value: "${name} = ${
    if isBool value then (if value then "true" else "false") else if isList value then concatStringsSep " " value else toString value}\n";
in {
  inherit config;
  unit = let s = config.systemd.services.cachefill; in
    "[Unit]\n" + section { After = concatStringsSep " " s.after; Description = s.description; Wants = concatStringsSep " " s.wants; }
    + "\n[Service]\n" + section (mapAttrs (_: v: v) { Environment = mapAttrsToList (n: v: "\"${n}=${v}\"") s.environment; })
    + section s.serviceConfig;
  nixConf = concatStringsSep "" (mapAttrsToList setting (config.nix.settings or { }));
}
