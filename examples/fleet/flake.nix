{
  description = "An example fleet: four NixOS machines, a Mac and a home, shaped like real ones but without inputs";

  outputs = { self }:
    let
      inherit (import ./lib { }) linux darwin;
      nixos = host: linux.nixosSystem (import host linux);
    in
    {
      nixosConfigurations = {
        nixos-desktop = nixos ./hosts/nixos-desktop.nix;
        nixos-laptop = nixos ./hosts/nixos-laptop.nix;
        nas = nixos ./hosts/nas.nix;
        template-minimal = nixos ./hosts/template-minimal.nix;
      };

      darwinConfigurations.macbook = import ./hosts/macbook.nix darwin;

      homeConfigurations."alex@nixos-desktop" = import ./hosts/alex.nix linux;

      packages.x86_64-linux = {
        inherit (linux.packages) speech-model icon-theme locale-data font-collection wallpapers firefox restic;
        default = linux.packages.restic;
      };

      checks.x86_64-linux = import ./checks.nix linux;
    };
}
