{
  description = "The example fleet's desktop, and hosts like it that go wrong in one way each";

  outputs = { self }:
    let
      inherit (import ../fleet/lib { }) linux;
      desktop = import ../fleet/hosts/nixos-desktop.nix linux;
      nixos = host: linux.nixosSystem (desktop // host);
      broken = host: nixos (import host (linux // { inherit desktop; }));
    in
    {
      nixosConfigurations = {
        nixos-desktop = nixos { };
        bad-eval = broken ./hosts/bad-eval.nix;
        bad-throw = broken ./hosts/bad-throw.nix;
        bad-build = broken ./hosts/bad-build.nix;
        bad-hang = broken ./hosts/bad-hang.nix;
        bad-hash = broken ./hosts/bad-hash.nix;
      };
    };
}
