# Names a package that does not exist. Every Nix reports the position of that name.
{ packages, desktop, ... }:
{
  hostName = "bad-eval";
  packagesOf = desktop.packagesOf ++ [
    packages.fierfox
  ];
}
