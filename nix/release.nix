# The program of the release that this copy belongs to, fetched instead of built: callPackage ./release.nix { }. Null where
# there is none: on a branch, or for a system that the release was not made for.
{
  lib,
  stdenvNoCC,
  fetchurl,
  installShellFiles,
  # What scripts/release-table wrote, which the action trusts, too.
  table ? ../action,
}:

let
  lines =
    name:
    builtins.filter (line: builtins.isString line && line != "" && !lib.hasPrefix "#" line) (
      builtins.split "\n" (builtins.readFile (table + "/${name}"))
    );
  version = builtins.head (lines "version");
  repository = builtins.head (lines "source");
  program = "cachefill-${version}-${stdenvNoCC.hostPlatform.system}";
  hashes = map (builtins.substring 0 64) (
    builtins.filter (lib.hasSuffix "  ${program}") (lines "sha256")
  );
in
if lines "version" == [ ] || lines "source" == [ ] || hashes == [ ] then
  null
else
  stdenvNoCC.mkDerivation {
    pname = "cachefill";
    inherit version;
    src = fetchurl {
      url = "https://github.com/${repository}/releases/download/v${version}/${program}";
      sha256 = builtins.head hashes;
    };
    dontUnpack = true;
    dontStrip = true; # it is stripped, and on darwin signed
    dontPatchELF = true; # it is static
    nativeBuildInputs = [ installShellFiles ];
    installPhase = ''
      runHook preInstall
      install -D -m 755 $src $out/bin/cachefill
      runHook postInstall
    '';
    postInstall = lib.optionalString (stdenvNoCC.buildPlatform.canExecute stdenvNoCC.hostPlatform) (
      builtins.readFile ./install-pages.sh
    );
    meta = import ./meta.nix lib // {
      sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    };
  }
