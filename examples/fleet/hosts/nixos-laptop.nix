# Evaluates only with NIXPKGS_ALLOW_UNFREE=1 and --impure, because of its graphics driver.
{ packages, ... }:
{
  hostName = "nixos-laptop";
  packagesOf = with packages; [ git vim htop tmux ripgrep starship firefox plasma mpv icon-theme tlp font-collection ];
  modules = [ packages.nvidia-driver ];
  unitsOf = {
    "display-manager.service" = { description = "Display manager"; command = "${packages.plasma}/bin/plasma-desktop"; };
    "NetworkManager.service" = { description = "Network"; command = "${packages.networkmanager}/bin/networkmanager"; };
    "tlp.service" = { description = "Battery"; command = "${packages.tlp}/bin/tlp"; };
  };
  etcOf = {
    "xdg/wallpaper" = "${packages.wallpapers}/default.png\n";
    "tlp.conf" = "START_CHARGE_THRESH=75\n";
    "X11/xorg.conf" = "${packages.nvidia-driver}/share\n";
  };
}
