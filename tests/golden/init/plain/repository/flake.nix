{
  description = "Two machines and nothing else";

  outputs = { self }:
    let inherit (import ./lib { settings = import ./settings.nix; }) linux; in
    {
      nixosConfigurations.tower = linux.nixosSystem { hostName = "tower"; packagesOf = [ linux.packages.git linux.packages.firefox ]; };
      nixosConfigurations.thinkpad = linux.nixosSystem { hostName = "thinkpad"; packagesOf = [ linux.packages.git ]; };
    };
}
