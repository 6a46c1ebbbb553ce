#!/usr/bin/env python3
"""Writes a flake with large hosts that real Nix evaluates as it does NixOS: a module system of its own (options with types, submodules,
priorities, a fixed point), some hundred modules that set one another's options, packages that take one another as arguments, and a
derivation for each file of a host.
    module_tree.py DIRECTORY [--hosts N] [--modules N] [--options N]"""
import argparse
import pathlib
import random

LIBRARY = r'''rec {
  fold = builtins.foldl';
  nameValue = name: value: { inherit name value; };
  mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
  zipAttrs = builtins.zipAttrsWith;
  optional = condition: value: if condition then [ value ] else [ ];
  mkForce = value: { _type = "override"; priority = 50; inherit value; };
  mkDefault = value: { _type = "override"; priority = 1000; inherit value; };
  mkIf = condition: value: { _type = "if"; inherit condition value; };
  mkOption = attributes: { _type = "option"; } // attributes;

  # What a definition says once its conditions are known, with its priority.
  properties = definition:
    if definition.value._type or null == "if" then
      if definition.value.condition then properties (definition // { value = definition.value.value; }) else [ ]
    else if definition.value._type or null == "override" then
      [ (definition // { value = definition.value.value; priority = definition.value.priority; }) ]
    else [ ({ priority = 100; } // definition) ];
  strongest = definitions:
    let least = fold (a: d: if d.priority < a then d.priority else a) 9999 definitions;
    in builtins.filter (d: d.priority == least) definitions;

  types = rec {
    mk = name: check: merge: { inherit name check merge; };
    one = name: check: mk name check (path: definitions:
      if builtins.length definitions == 1 then (builtins.head definitions).value
      else fold (a: d: if a == d.value then a else throw "${builtins.concatStringsSep "." path}: two values, in ${d.file}")
        (builtins.head definitions).value definitions);
    bool = one "bool" builtins.isBool;
    int = one "int" builtins.isInt;
    str = one "str" builtins.isString;
    lines = mk "lines" builtins.isString (_: definitions: builtins.concatStringsSep "\n" (map (d: d.value) definitions));
    listOf = element: mk "list of ${element.name}" builtins.isList (path: definitions:
      builtins.concatLists (map (d: builtins.genList (n:
        mergeType (path ++ [ "[${toString n}]" ]) element [ (d // { value = builtins.elemAt d.value n; }) ])
        (builtins.length d.value)) definitions));
    attrsOf = element: mk "attributes of ${element.name}" builtins.isAttrs (path: definitions:
      zipAttrs (name: found: mergeType (path ++ [ name ]) element (builtins.concatLists (map properties found)))
        (map (d: builtins.mapAttrs (_: value: { inherit (d) file; inherit value; }) d.value) definitions));
    submodule = module: mk "submodule" (v: builtins.isAttrs v || builtins.isFunction v) (path: definitions:
      (evaluate {
        modules = [ module ] ++ map (d: { _file = d.file; config = d.value; }) definitions;
        arguments = { name = builtins.elemAt path (builtins.length path - 1); };
        inherit path;
      }).config);
  };
  mergeType = path: type: definitions:
    let wrong = builtins.filter (d: !type.check d.value) definitions;
    in if wrong != [ ] then throw "${builtins.concatStringsSep "." path} is no ${type.name} in ${(builtins.head wrong).file}"
       else type.merge path (strongest definitions);

  evaluate = { modules, arguments ? { }, path ? [ ] }:
    let
      load = module:
        let
          file = if builtins.isPath module then toString module else module._file or "<unknown>";
          imported = if builtins.isPath module then import module else module;
          called = if builtins.isFunction imported
            then imported (builtins.mapAttrs (name: _: given.${name}) (builtins.functionArgs imported))
            else imported;
        in [ { inherit file; options = called.options or { }; config = called.config or { }; } ]
           ++ builtins.concatLists (map load (called.imports or [ ]));
      given = arguments // { inherit config options; };
      all = builtins.concatLists (map load modules);
      isOption = value: value._type or null == "option";
      declare = place: declared: defined:
        zipAttrs (name: found:
          let
            here = place ++ [ name ];
            options = builtins.filter isOption found;
            definitions = builtins.concatLists (map (d:
              if d.value._type or null == "if" then map (v: v // { value = v.value.${name} or null; }) (properties d)
              else optional (d.value ? ${name}) { inherit (d) file; value = d.value.${name}; }) defined);
          in if options != [ ]
             then value here (builtins.head options) (builtins.concatLists (map properties definitions))
             else declare here found definitions)
        declared;
      value = place: option: definitions:
        let usual = if option ? default
          then [ { file = "default"; value = option.default; priority = 1500; } ] else [ ];
            found = definitions ++ usual;
        in if found == [ ] then throw "${builtins.concatStringsSep "." place} is used but not defined"
           else (option.apply or (v: v)) (mergeType place option.type found);
      options = zipAttrs (_: found: found) (map (m: m.options) all);
      config = declare path (map (m: m.options) all) (map (m: { inherit (m) file; value = m.config; }) all);
    in { inherit config options; };

  # As nixpkgs puts its packages together: each gets by name what its function takes.
  packages = functions:
    let
      overridable = f: given:
        let made = f given; in made // { override = more: overridable f (given // more); };
      call = f: overridable f (builtins.intersectAttrs (builtins.functionArgs f) self);
      self = builtins.mapAttrs (_: call) functions;
    in self;
}
'''

FLAKE = '''{
  outputs = { self }:
    let
      lib = import ./lib.nix;
      host = number: let
        system = lib.evaluate {
          modules = [ ./modules/all.nix { _file = "host"; config.system.number = number; } ];
          arguments = { inherit lib; packages = lib.packages (import ./packages.nix); };
        };
      in { inherit (system) config options; };
    in { nixosConfigurations = builtins.listToAttrs
      (builtins.genList (n: lib.nameValue "host${toString n}" (host n)) HOSTS); };
}
'''

BASE = '''{ lib, config, packages, ... }: {
  options.system = {
    number = lib.mkOption { type = lib.types.int; };
    units = lib.mkOption { default = { }; type = lib.types.attrsOf (lib.types.submodule ({ name, config, ... }: {
      options = {
        enable = lib.mkOption { type = lib.types.bool; default = true; };
        description = lib.mkOption { type = lib.types.str; default = "unit ${name}"; };
        wants = lib.mkOption { type = lib.types.listOf lib.types.str; default = [ ]; };
        environment = lib.mkOption { type = lib.types.attrsOf lib.types.str; default = { }; };
        script = lib.mkOption { type = lib.types.lines; default = ""; };
        text = lib.mkOption { type = lib.types.lines; };
      };
      config.text = lib.mkDefault (builtins.concatStringsSep "\\n" ([ "[Unit]" "Description=${config.description}" ]
        ++ map (w: "Wants=${w}") config.wants
        ++ lib.mapAttrsToList (n: v: "Environment=${n}=${v}") config.environment ++ [ config.script ]));
    })); };
    packages = lib.mkOption { type = lib.types.listOf lib.types.str; default = [ ]; };
    build.toplevel = lib.mkOption { type = lib.types.mk "package" builtins.isAttrs (_: d: (builtins.head d).value); };
  };
  config.system.build.toplevel = derivation {
    name = "nixos-system-host${toString config.system.number}";
    system = "x86_64-linux";
    builder = "/bin/sh";
    args = [ "-c" "echo $units > $out" ];
    inherit (config.system) packages;
    units = lib.mapAttrsToList (name: unit: derivation {
      inherit name;
      system = "x86_64-linux";
      builder = "/bin/sh";
      args = [ "-c" "echo $text > $out" ];
      inherit (unit) text;
    }) config.system.units;
  };
}
'''


def module(number, modules, options, draw):
    def other():
        return draw.randrange(modules)

    declared, fields = [], []
    for i in range(options):
        kind = i % 5
        declared.append(f"o{i} = lib.mkOption " + [
            "{ type = lib.types.str; default = \"value of " + f"{number}.{i}" + "\"; };",
            f"{{ type = lib.types.int; default = {number * i}; }};",
            "{ type = lib.types.listOf lib.types.str; default = [ ]; };",
            "{ type = lib.types.attrsOf lib.types.str; default = { }; };",
            "{ type = lib.types.attrsOf (lib.types.submodule { options = { a = lib.mkOption { type = lib.types.str; }; "
            "b = lib.mkOption { type = lib.types.int; default = 1; }; c = lib.mkOption { type = lib.types.lines; default = \"\"; }; }; }); "
            "default = { }; };"][kind])
        if kind == 2:
            fields.append(f"m{other()}.o{i} = lib.mkIf cfg.enable [ \"{number}\" cfg.o0 ];")
        elif kind == 3:
            fields.append(f"m{other()}.o{i} = lib.mkIf cfg.enable {{ k{number} = \"${{toString cfg.o1}} {i}\"; }};")
        elif kind == 4:
            fields.append(f"m{other()}.o{i} = builtins.listToAttrs (builtins.genList (n: lib.nameValue \"s{number}-${{toString n}}\" "
                          "{ a = \"${cfg.o0} ${toString n}\"; b = n; c = builtins.concatStringsSep \" \" "
                          f"(map toString (builtins.genList (k: k + n) 12)); }}) 6);")
    joined = "\n      ".join(fields)
    lists = " ".join(f"cfg.o{i}" for i in range(options) if i % 5 == 2)
    sets = " ".join(f"cfg.o{i}" for i in range(options) if i % 5 == 3)
    subs = " ".join(f"cfg.o{i}" for i in range(options) if i % 5 == 4)
    return f'''{{ lib, config, packages, ... }}:
let cfg = config.m{number}; in {{
  options.m{number} = {{
    enable = lib.mkOption {{ type = lib.types.bool; default = true; }};
    {(chr(10) + '    ').join(declared)}
  }};
  config = {{
      {joined}
      system.packages = [ packages.p{number}.text ];
      system.units."unit-{number}" = {{
        wants = lib.mkIf cfg.enable (builtins.concatLists [ {lists} ]);
        environment = lib.fold (a: b: a // b) {{ }} [ {sets} ];
        script = builtins.concatStringsSep "\\n" (builtins.concatLists (map (lib.mapAttrsToList (n: s: "${{n}}=${{s.a}}:${{toString s.b}}:${{s.c}}")) [ {subs} ]));
      }};
  }};
}}
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--modules", type=int, default=600)
    parser.add_argument("--options", type=int, default=25)
    arguments = parser.parse_args()
    draw = random.Random(1)  # the same tree every time
    place, modules = arguments.directory, arguments.modules
    (place / "modules").mkdir(parents=True)
    (place / "lib.nix").write_text(LIBRARY)
    (place / "flake.nix").write_text(FLAKE.replace("HOSTS", str(arguments.hosts)))
    (place / "modules/base.nix").write_text(BASE)
    for number in range(modules):
        (place / f"modules/m{number}.nix").write_text(module(number, modules, arguments.options, draw))
    names = "\n".join(f"  ./m{n}.nix" for n in range(modules))
    (place / "modules/all.nix").write_text("{ ... }: { imports = [ ./base.nix\n" + names + "\n]; }\n")
    package = []
    for number in range(modules):
        needed = sorted({draw.randrange(number) for _ in range(min(number, 4))})
        takes = "".join(f"p{n}, " for n in needed) + "..."
        text = " ".join(f"${{p{n}.version}}" for n in needed)
        package.append(f'  p{number} = {{ {takes} }}: rec {{ version = "{number}.0"; text = "p{number} ${{version}} {text}"; }};')
    (place / "packages.nix").write_text("{\n" + "\n".join(package) + "\n}\n")


main()
