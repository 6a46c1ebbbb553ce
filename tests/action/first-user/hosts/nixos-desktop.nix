# The big one. It also trusts a cache on the owner's own network, which no runner can reach.
{ packages, settings, ... }:
{
  hostName = "nixos-desktop";
  packagesOf = with packages; [ git vim htop ripgrep firefox plasma mpv ];
  unitsOf."display-manager.service" = { description = "Display manager"; command = "${packages.plasma}/bin/plasma-desktop"; };
  caches = [ settings.cache settings.upstream settings.private ];
}
