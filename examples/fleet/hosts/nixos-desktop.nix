{ packages, ... }:
{
  hostName = "nixos-desktop";
  packagesOf = with packages; [
    git vim htop tmux ripgrep starship firefox plasma gimp mpv icon-theme font-collection speech-model
  ];
  unitsOf = {
    "display-manager.service" = { description = "Display manager"; command = "${packages.plasma}/bin/plasma-desktop"; };
    "NetworkManager.service" = { description = "Network"; command = "${packages.networkmanager}/bin/networkmanager"; };
    "speech.service" = { description = "Dictation"; command = "${packages.speech-model}/share/model.bin"; };
  };
  etcOf = {
    "fonts/fonts.conf" = "${packages.font-collection.extra}/hints\n";
    "xdg/wallpaper" = "${packages.wallpapers}/default.png\n";
    "xdg/autostart" = "${packages.firefox}/bin/firefox\n";
  };
}
