# Fails like a NixOS assertion. A `throw` has no position of its own: Nix 2.8 tells one only in its trace.
{ desktop, ... }:
let
  services.backup.repository = throw ''
    Failed assertions:
    - services.backup.repository must be set when services.backup is enabled.
  '';
in
{
  hostName = "bad-throw";
  unitsOf = desktop.unitsOf // {
    "backup.service" = { description = "Backup"; command = services.backup.repository; };
  };
}
