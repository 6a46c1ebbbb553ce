# Fails like a NixOS assertion. A `throw` has no position of its own: Nix 2.8 tells one only in its trace.
{ desktop, ... }:
{
  hostName = "bad-throw";
  unitsOf = desktop.unitsOf // {
    "backup.service" = throw ''
      Failed assertions:
      - services.backup.repository must be set when services.backup is enabled.
    '';
  };
}
