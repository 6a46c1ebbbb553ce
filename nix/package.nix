# cachefill as a package of nixpkgs: callPackage ./package.nix { }.
{
  lib,
  stdenv,
  boost,
  brotli,
  bzip2,
  cli11,
  cmake,
  fmt,
  installShellFiles,
  ninja,
  nlohmann_json,
  openssl,
  pkg-config,
  sqlite,
  tomlplusplus,
  xz,
  yaml-cpp,
  zlib,
  zstd,
  # OWNER/REPOSITORY that `cachefill init` shall name in workflows.
  source ? "",
}:

let
  root = ./..;
  version = builtins.head (
    builtins.match ".*project\\(cachefill VERSION ([0-9.]+) .*" (builtins.readFile ../CMakeLists.txt)
  );
in
stdenv.mkDerivation {
  pname = "cachefill";
  inherit version;

  # Only what the program is made of, so that a change of docs or tests builds nothing anew.
  src = lib.cleanSourceWith {
    src = root;
    name = "cachefill-source";
    filter =
      path: type:
      let
        relative = lib.removePrefix (toString root + "/") (toString path);
      in
      builtins.any (part: relative == part || lib.hasPrefix (part + "/") relative) [
        "CMakeLists.txt"
        "LICENSE"
        "runner"
        "workflows"
      ];
  };

  strictDeps = true;
  nativeBuildInputs = [
    cmake
    installShellFiles
    ninja
    pkg-config
  ];
  buildInputs = [
    boost
    brotli
    bzip2
    cli11
    fmt
    nlohmann_json
    openssl
    sqlite
    tomlplusplus
    xz
    yaml-cpp
    zlib
    zstd
  ];
  cmakeFlags = [
    "-DCACHEFILL_TESTS=OFF"
    "-DCACHEFILL_SOURCE=${source}"
  ];

  # A program built for another machine cannot be asked here.
  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) (
    builtins.readFile ./install-pages.sh
  );

  doInstallCheck = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
  installCheckPhase = ''
    test "$($out/bin/cachefill --version)" = "cachefill ${version}"
  '';

  meta = import ./meta.nix lib;
}
