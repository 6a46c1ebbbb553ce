{
  description = "Homes on other people's machines, with home-manager alone";

  outputs = { self }:
    let inherit (import ./lib { }) linux darwin; in
    {
      homeConfigurations.kim = import ./home.nix linux "kim";
      homeConfigurations."kim@work-mac" = import ./home.nix darwin "kim";
    };
}
