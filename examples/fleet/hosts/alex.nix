{ packages, builders, ... }:
let
  inherit (builders) make local writeText writeScript linkFarm;

  home-files = linkFarm "home-manager-files" [
    { path = ".config/git/config"; target = writeText "gitconfig" "[user]\nname = Alex\n"; }
    { path = ".config/starship.toml"; target = writeText "starship-config" "add_newline = false\n"; }
    { path = ".vimrc"; target = writeText "vimrc" "set number\n"; }
  ];

  home-path = linkFarm "home-manager-path" (map
    (package: { path = "share/installed/${package.name}"; target = package; })
    (with packages; [ git vim starship ripgrep home-manager ]));

  activate = writeScript "activation-script" "#!${packages.bash}/bin/bash\nln -s ${home-files} ~\n";
in
{
  config.home = { username = "alex"; homeDirectory = "/home/alex"; };
  # Unlike a system's toplevel, home-manager's is only preferLocalBuild: a consumer may fetch it.
  activationPackage = make {
    name = "home-manager-generation";
    preferLocalBuild = true;
    inherit activate home-files home-path;
    buildCommand = ''
      mkdir "$out"
      ln "$activate" "$out/activate"
      ln "${home-files}" "$out/home-files"
      ln "${home-path}" "$out/home-path"
    '';
  };
}
