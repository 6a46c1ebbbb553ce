# The kinds of derivations the fleet is made of, with the flags that their models in nixpkgs carry.
{ system }:
let
  tool = builtins.path { path = ../tools/fleet-tool; name = "fleet-tool"; };
  builderScript = ./builder.sh;
in
rec {
  inherit system tool;

  # A plain derivation whose `buildCommand` runs in builder.sh.
  make = attributes: derivation ({
    inherit system tool;
    builder = "/bin/sh";
    args = [ "-e" builderScript ];
  } // attributes);

  # Like runCommandLocal, and much of NixOS: cheap enough that every consumer is told to build it.
  local = { preferLocalBuild = true; allowSubstitutes = false; };

  writeText = name: text: make (local // {
    inherit name text;
    passAsFile = [ "text" ];
    buildCommand = ''cp "$textPath" "$out"'';
  });

  writeScript = name: text: make (local // {
    inherit name text;
    passAsFile = [ "text" ];
    buildCommand = ''cp "$textPath" "$out"; chmod "$out"'';
  });

  # A directory of symbolic links, from a list of { path, target }; `path` may have directories.
  linkFarm = name: entries: make (local // {
    inherit name;
    buildCommand = ''
      mkdir "$out"
    '' + builtins.concatStringsSep "" (map
      ({ path, target }: ''
        entry="$out/${path}"
        mkdir "''${entry%/*}"
        ln "${target}" "$entry"
      '')
      entries);
  });

  # Like fetchurl: its hash is known before it is built, so where it comes from does not matter. There is no network
  # here; the "download" writes what it was told to.
  fetch = name: content: derivation {
    inherit name system content;
    builder = "/bin/sh";
    args = [ "-e" "-c" ''printf '%s' "$content" > "$out"'' ];
    urls = [ "mirror://fleet/${name}" ];
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = builtins.hashString "sha256" content;
    preferLocalBuild = true;
  };
}
