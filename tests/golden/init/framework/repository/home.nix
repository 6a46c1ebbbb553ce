{ packages, builders, ... }: host:
{
  config.home = { username = host.user; homeDirectory = "/home/${host.user}"; };
  activationPackage = builders.make {
    name = "home-manager-generation";
    files = builders.linkFarm "home-manager-files" [ { path = ".bashrc"; target = builders.writeText "bashrc" "PS1='${host.user}@${host.name}> '\n"; } ];
    buildCommand = ''mkdir "$out"; ln "$files" "$out/home-files"'';
  };
}
