# One person's home on one machine, in home-manager's shape.
{ packages, builders, ... }: user: machine:
let
  inherit (builders) make writeText linkFarm;
  home-path = linkFarm "home-manager-path" [ { path = "share/installed/git"; target = packages.git; } ];
  home-files = linkFarm "home-manager-files" [ { path = ".bashrc"; target = writeText "bashrc" "PS1='${user}@${machine}> '\n"; } ];
in
{
  config.home = { username = user; homeDirectory = "/home/${user}"; };
  activationPackage = make {
    name = "home-manager-generation";
    preferLocalBuild = true;
    inherit home-files home-path;
    buildCommand = ''mkdir "$out"; ln "${home-files}" "$out/home-files"; ln "${home-path}" "$out/home-path"'';
  };
}
