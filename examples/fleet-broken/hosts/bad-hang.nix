# One package of this host never finishes building and never says a word.
{ builders, desktop, ... }:
let
  game-engine = builders.make {
    name = "game-engine-2.1";
    buildCommand = ''sleep 100000000; mkdir "$out"'';
  };
in
{
  hostName = "bad-hang";
  packagesOf = desktop.packagesOf ++ [ game-engine ];
}
