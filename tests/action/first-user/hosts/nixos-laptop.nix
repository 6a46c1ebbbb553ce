{ packages, settings, ... }:
{
  hostName = "nixos-laptop";
  packagesOf = with packages; [ git vim htop starship tlp ];
  unitsOf."tlp.service" = { description = "Battery"; command = "${packages.tlp}/bin/tlp"; };
  caches = [ settings.cache settings.upstream ];
}
