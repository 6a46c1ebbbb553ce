{
  description = "Builders that print what a runner would take for commands";
  outputs = { self }:
    let
      host = name: end: {
        _type = "configuration";
        class = "nixos";
        pkgs.system = "x86_64-linux";
        config = {
          networking.hostName = name;
          nixpkgs.hostPlatform.system = "x86_64-linux";
          system.build.toplevel = derivation {
            inherit name end;
            system = "x86_64-linux";
            builder = "/bin/sh";
            args = [ "-e" ./builder.sh ];
          };
        };
      };
    in
    {
      nixosConfigurations = {
        loud = host "loud" "echo built > $out";
        broken = host "broken" "exit 1";
      };
    };
}
