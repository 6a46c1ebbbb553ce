# Stands for the file of that name in nixpkgs, in the words that people (and programs) look for.
{ allowUnfree }:

name: package:
if allowUnfree then package else throw ''
  Package ‘${name}’ in ${toString ../../../lib/packages.nix}:1 has an unfree license (‘unfree’), refusing to evaluate.

  a) To temporarily allow unfree packages, you can use an environment variable
     for a single invocation of the nix tools.

       $ export NIXPKGS_ALLOW_UNFREE=1

     Note: When using `nix shell`, `nix build`, `nix develop`, etc with a flake,
           then pass `--impure` in order to allow use of environment variables.

  b) For `nixos-rebuild` you can set
    { nixpkgs.config.allowUnfree = true; }
  in configuration.nix to override this.
''
