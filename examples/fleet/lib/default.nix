# Everything the fleet's flake is made of, for that flake and for fleet-broken beside it.
{ settings ? import ../settings.nix }:
let
  platform = system:
    let
      builders = import ./builders.nix { inherit system; };
      packages = import ./packages.nix {
        inherit builders;
        allowUnfree = builtins.getEnv "NIXPKGS_ALLOW_UNFREE" == "1"; # the empty string in pure evaluation
      };
    in
    {
      inherit builders packages settings;
      nixosSystem = import ./system.nix { inherit builders packages settings; };
    };
in
{
  linux = platform "x86_64-linux";
  darwin = platform "aarch64-darwin";
}
