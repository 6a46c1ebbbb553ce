{ packages, builders, ... }: user:
{
  config.home = { username = user; homeDirectory = "/home/${user}"; };
  activationPackage = builders.make {
    name = "home-manager-generation";
    path = builders.linkFarm "home-manager-path" (map (name: { path = "share/installed/${name}"; target = packages.${name}; }) [ "git" "vim" "ripgrep" ]);
    buildCommand = ''mkdir "$out"; ln "$path" "$out/home-path"'';
  };
}
