{
  description = "Packages and servers that Garnix built";

  outputs = { self }:
    let
      settings = import ./settings.nix;
      platform = system:
        let
          builders = import ./lib/builders.nix { inherit system; };
          packages = import ./lib/packages.nix { inherit builders; allowUnfree = false; };
        in
        { inherit packages; nixosSystem = import ./lib/system.nix { inherit builders packages settings; }; };
      x86 = platform "x86_64-linux";
      arm = platform "aarch64-linux";
      caches = [ settings.upstream settings.garnix ];
    in
    {
      packages.x86_64-linux = { inherit (x86.packages) restic ripgrep speech-model; };
      packages.aarch64-darwin = { inherit ((platform "aarch64-darwin").packages) ripgrep; };
      checks.x86_64-linux.git = x86.packages.git;
      devShells.x86_64-linux.default = x86.packages.vim;
      nixosConfigurations = {
        web = x86.nixosSystem { hostName = "web"; packagesOf = [ x86.packages.git ]; inherit caches; };
        pi = arm.nixosSystem { hostName = "pi"; packagesOf = [ arm.packages.restic ]; inherit caches; };
        installer = x86.nixosSystem { hostName = "installer"; inherit caches; };
      };
    };
}
