{
  description = "A user's machines: two NixOS hosts and a template, a Mac, four homes; built from the parts of examples/fleet";

  outputs = { self }:
    let
      inherit (import ./lib { }) linux darwin;
      nixos = host: linux.nixosSystem (import host linux);
      home = import ./hosts/home.nix;
    in
    {
      nixosConfigurations = {
        nixos-desktop = nixos ./hosts/nixos-desktop.nix;
        nixos-laptop = nixos ./hosts/nixos-laptop.nix;
        template-host-minimal = nixos ./hosts/template-minimal.nix;
      };
      darwinConfigurations.krits-macbook = import ./hosts/macbook.nix darwin;
      homeConfigurations = {
        "krit@nixos-desktop" = home linux "krit" "nixos-desktop";
        "krit@nixos-laptop" = home linux "krit" "nixos-laptop";
        "user@template-host-minimal" = home linux "user" "template-host-minimal";
        "krit@krits-macbook" = home darwin "krit" "krits-macbook";
      };
    };
}
