{
  description = "Fills a Nix binary cache before any of your machines asks for it";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ];
      for_each = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
    in
    {
      packages = for_each (pkgs: {
        default = pkgs.callPackage ./nix { }; # the released program, if this is a release
        cachefill = pkgs.callPackage ./nix/package.nix { }; # built from source
      });

      # One module for all three: it looks at what the system it is in offers.
      nixosModules.default = ./nix/module.nix;
      darwinModules.default = ./nix/module.nix;
      homeModules.default = ./nix/module.nix;

      overlays.default = final: previous: { cachefill = final.callPackage ./nix { }; };

      apps = for_each (pkgs: {
        default = {
          type = "app";
          program = "${self.packages.${pkgs.stdenv.hostPlatform.system}.default}/bin/cachefill";
        };
      });

      devShells = for_each (pkgs: {
        default = pkgs.mkShell { inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.cachefill ]; };
      });
    };
}
