{
  description = "A flake in the shape of denix: a framework reads a folder of hosts and makes configurations of each kind of them";

  outputs = { self }:
    let
      delib = import ./framework.nix { parts = import ./lib { settings = import ./settings.nix; }; folder = ./hosts; };
    in
    {
      nixosConfigurations = delib.configurations "nixos";
      homeConfigurations = delib.configurations "home";
      darwinConfigurations = delib.configurations "darwin";
    };
}
