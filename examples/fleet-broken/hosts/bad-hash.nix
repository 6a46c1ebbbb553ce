# The sources of one package changed behind the same address.
{ packages, builders, desktop, ... }:
let
  source = derivation {
    name = "scanner-1.2.tar.gz";
    inherit (builders) system;
    builder = "/bin/sh";
    args = [ "-e" "-c" ''printf 'not what it was\n' > "$out"'' ];
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = builtins.hashString "sha256" "what it was\n";
    preferLocalBuild = true;
  };

  scanner = builders.make {
    name = "scanner-1.2";
    src = source;
    nativeBuildInputs = [ packages.stdenv ];
    buildCommand = ''mkdir "$out/bin"'';
  };
in
{
  hostName = "bad-hash";
  packagesOf = desktop.packagesOf ++ [ scanner ];
}
