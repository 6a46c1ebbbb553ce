# The fleet's package set: a toolchain that is bootstrapped in stages, libraries and programs on top of it, and a few packages
# that are there for one difficult property each. Compilers, sources and development outputs are needed only to build.
{ builders, allowUnfree }:
let
  inherit (builders) make fetch system tool;

  output = name: package: package.${name} or package.out;
  source = name: version: fetch "${name}-${version}.tar.xz" "the sources of ${name} ${version}\n";

  # A different number for every name.
  seed = name:
    let
      digit = n: { name = builtins.substring n 1 "0123456789abcdef"; value = n; };
      digits = builtins.listToAttrs (builtins.genList digit 16);
      hash = builtins.hashString "sha256" name;
    in
    builtins.foldl' (sum: n: sum * 16 + digits.${builtins.substring n 1 hash}) 0 (builtins.genList (n: n) 7);

  stage = name: inputs: sizeKiB: make {
    inherit name inputs;
    outputs = [ "out" "lib" ];
    buildCommand = ''
      mkdir "$out/bin" "$lib/lib"
      fill "$lib/lib/lib${name}.so" ${toString sizeKiB} ${toString (seed name)}
      printf '#!/bin/sh\n# needs %s\n' "$lib/lib/lib${name}.so" > "$out/bin/${name}"
      chmod "$out/bin/${name}"
    '';
  };

  # The outputs of a library: what programs load, and what compiling against it takes.
  library = name: version: { deps ? [ ], sizeKiB ? 96, milliseconds ? 0, ... }@options: make ({
    name = "${name}-${version}";
    src = source name version;
    nativeBuildInputs = [ stdenv pkg-config ];
    buildInputs = map (output "dev") deps;
    libraries = map (output "out") deps;
    outputs = [ "out" "dev" ];
    buildCommand = ''
      sleep ${toString milliseconds}
      mkdir "$out/lib" "$dev/include" "$dev/lib/pkgconfig"
      fill "$out/lib/lib${name}.so.${version}" ${toString sizeKiB} ${toString (seed name)}
      ln "lib${name}.so.${version}" "$out/lib/lib${name}.so"
      printf '%s\n' "${glibc.lib}/lib" $libraries > "$out/lib/lib${name}.needed"
      printf '#define VERSION "%s"\n' "${version}" > "$dev/include/${name}.h"
      printf 'prefix=%s\nRequires: %s\n' "$out" "$buildInputs" > "$dev/lib/pkgconfig/${name}.pc"
    '';
  } // removeAttrs options [ "deps" "sizeKiB" "milliseconds" ]);

  program = name: version: { deps ? [ ], tools ? [ ], sizeKiB ? 48, milliseconds ? 0, ... }@options: make ({
    name = "${name}-${version}";
    src = source name version;
    nativeBuildInputs = [ stdenv ] ++ tools;
    buildInputs = map (output "dev") deps;
    runtime = map (output "out") deps;
    outputs = [ "out" "man" ];
    buildCommand = ''
      sleep ${toString milliseconds}
      mkdir "$out/bin" "$out/share/${name}" "$man/share/man/man1"
      fill "$out/share/${name}/data" ${toString sizeKiB} ${toString (seed name)}
      printf '#!/bin/sh\n# %s %s runs with\n' "${name}" "${version}" > "$out/bin/${name}"
      printf '# %s\n' "${glibc.lib}" $runtime >> "$out/bin/${name}"
      chmod "$out/bin/${name}"
      printf '.TH %s 1\n.SH NAME\n%s \\- a program of the example fleet\n' "${name}" "${name}" \
        > "$man/share/man/man1/${name}.1"
    '';
  } // removeAttrs options [ "deps" "tools" "sizeKiB" "milliseconds" ]);

  # Refused like nixpkgs refuses it, and at the same place: only what is said there makes cachefill evaluate impurely.
  unfree = import ../pkgs/stdenv/generic/check-meta.nix { inherit allowUnfree; };

  # The toolchain, each stage built by the one before.
  bootstrap-files = fetch "bootstrap-files.tar.xz" "binaries to start from\n";
  bootstrap-tools = stage "bootstrap-tools" [ bootstrap-files ] 512;
  binutils-stage1 = stage "binutils-stage1" [ bootstrap-tools (source "binutils" "2.41") ] 128;
  gcc-stage1 = stage "gcc-stage1" [ binutils-stage1 (source "gcc" "13.2.0") ] 256;
  glibc = stage "glibc" [ gcc-stage1 (source "glibc" "2.38") ] 768;
  binutils = stage "binutils" [ glibc gcc-stage1 (source "binutils" "2.41") ] 256;
  gcc-stage2 = stage "gcc-stage2" [ glibc binutils (source "gcc" "13.2.0") ] 256;
  gcc = stage "gcc" [ glibc binutils gcc-stage2 (source "gcc" "13.2.0") ] 1024;
  stdenv = make {
    name = "stdenv-${system}";
    inputs = [ gcc binutils glibc ];
    buildCommand = ''mkdir "$out"; printf '%s\n' $inputs > "$out/setup"'';
  };
  pkg-config = make {
    name = "pkg-config-0.29.2";
    src = source "pkg-config" "0.29.2";
    nativeBuildInputs = [ stdenv ];
    buildCommand = ''mkdir "$out/bin"; printf '#!/bin/sh\n' > "$out/bin/pkg-config"; chmod "$out/bin/pkg-config"'';
  };
in
rec {
  inherit glibc stdenv;

  # Libraries.
  zlib = library "zlib" "1.3" { };
  xz = library "xz" "5.4.4" { };
  zstd = library "zstd" "1.5.5" { };
  ncurses = library "ncurses" "6.4" { };
  readline = library "readline" "8.2" { deps = [ ncurses ]; };
  openssl = library "openssl" "3.0.12" { deps = [ zlib ]; sizeKiB = 640; };
  libxml2 = library "libxml2" "2.11.5" { deps = [ zlib xz ]; };
  sqlite = library "sqlite" "3.43.2" { deps = [ zlib readline ]; };
  expat = library "expat" "2.5.0" { };
  glib = library "glib" "2.78.1" { deps = [ zlib libffi pcre2 ]; sizeKiB = 400; };
  libffi = library "libffi" "3.4.4" { };
  pcre2 = library "pcre2" "10.42" { };
  dbus-lib = library "libdbus" "1.14.10" { deps = [ expat ]; };
  libcap = library "libcap" "2.69" { };
  util-linux-lib = library "util-linux-minimal" "2.39.2" { deps = [ libcap ]; };
  nghttp2 = library "nghttp2" "1.57.0" { };
  curl-lib = library "libcurl" "8.4.0" { deps = [ openssl nghttp2 zstd ]; };
  libpng = library "libpng" "1.6.40" { deps = [ zlib ]; };
  freetype = library "freetype" "2.13.2" { deps = [ libpng ]; };
  fontconfig = library "fontconfig" "2.14.2" { deps = [ freetype expat ]; };
  cairo = library "cairo" "1.18.0" { deps = [ fontconfig glib ]; };
  pango = library "pango" "1.51.0" { deps = [ cairo ]; };
  llvm = library "llvm" "16.0.6" { deps = [ zlib ncurses ]; sizeKiB = 6000; milliseconds = 2000; };
  mesa = library "mesa" "23.1.9" { deps = [ llvm expat ]; sizeKiB = 1500; };
  gtk = library "gtk" "4.12.3" { deps = [ pango mesa ]; sizeKiB = 900; };
  qtbase = library "qtbase" "6.5.3" { deps = [ glib mesa fontconfig ]; sizeKiB = 1800; };

  # Programs that every host has.
  bash = program "bash" "5.2" { deps = [ readline ]; };
  coreutils = program "coreutils" "9.3" { deps = [ libcap ]; };
  findutils = program "findutils" "4.9.0" { };
  gnugrep = program "gnugrep" "3.11" { deps = [ pcre2 ]; };
  gnused = program "gnused" "4.9" { };
  gawk = program "gawk" "5.2.2" { deps = [ readline ]; };
  gnutar = program "gnutar" "1.35" { deps = [ zstd ]; };
  perl = program "perl" "5.38.0" { sizeKiB = 1200; };
  python3 = program "python3" "3.11.6" { deps = [ openssl sqlite libffi ]; sizeKiB = 2000; };
  util-linux = program "util-linux" "2.39.2" { deps = [ util-linux-lib ncurses ]; };
  shadow = program "shadow" "4.14.1" { };
  systemd = program "systemd" "254.6" {
    deps = [ util-linux-lib dbus-lib curl-lib zstd ];
    tools = [ python3 ];
    sizeKiB = 2500;
  };
  dbus = program "dbus" "1.14.10" { deps = [ dbus-lib systemd ]; };
  openssh = program "openssh" "9.5p1" { deps = [ openssl ]; };
  curl = program "curl" "8.4.0" { deps = [ curl-lib ]; };
  git = program "git" "2.42.0" { deps = [ curl-lib perl ]; };
  nix = program "nix" "2.18.1" { deps = [ curl-lib sqlite ]; };
  kmod = program "kmod" "31" { deps = [ xz openssl ]; };
  sudo = program "sudo" "1.9.14" { };
  # Asks for a machine with many cores, which every Nix says it has.
  linux = program "linux" "6.5.10" {
    tools = [ perl kmod ];
    sizeKiB = 9000;
    milliseconds = 3000;
    requiredSystemFeatures = [ "big-parallel" ];
  };

  # For people.
  vim = program "vim" "9.0" { deps = [ ncurses ]; };
  htop = program "htop" "3.2.2" { deps = [ ncurses ]; };
  tmux = program "tmux" "3.3a" { deps = [ ncurses ]; };
  ripgrep = program "ripgrep" "14.0" { deps = [ pcre2 ]; };
  starship = program "starship" "1.16.0" { };
  firefox = program "firefox" "119.0" {
    deps = [ gtk sqlite nghttp2 ];
    tools = [ llvm python3 ];
    sizeKiB = 8000;
    milliseconds = 2500;
  };
  plasma = program "plasma-desktop" "5.27.9" { deps = [ qtbase dbus-lib ]; sizeKiB = 2400; };
  gimp = program "gimp" "2.10.36" { deps = [ gtk libxml2 ]; };
  mpv = program "mpv" "0.36.0" { deps = [ mesa ]; };
  tlp = program "tlp" "1.6.0" { };
  networkmanager = program "networkmanager" "1.44.2" { deps = [ dbus-lib curl-lib ]; };

  # For the nas.
  zfs = program "zfs" "2.2.0" { deps = [ openssl ]; tools = [ linux ]; milliseconds = 1500; };
  samba = program "samba" "4.19.2" { deps = [ openssl libxml2 ]; tools = [ perl python3 ]; };
  nfs-utils = program "nfs-utils" "2.6.2" { deps = [ sqlite ]; };
  home-manager = program "home-manager" "24.11" { };
  restic = program "restic" "0.16.2" { };
  smartmontools = program "smartmontools" "7.4" { };

  # 200 MiB in one file, of which half compresses away.
  speech-model = make {
    name = "speech-model-large-3";
    src = source "speech-model" "3";
    buildCommand = ''mkdir "$out/share"; fill "$out/share/model.bin" 204800 42'';
  };

  # 5000 small files.
  icon-theme = make {
    name = "icon-theme-5.27";
    src = source "icon-theme" "5.27";
    buildCommand = ''mkdir "$out/share"; many "$out/share/icons" 5000 7'';
  };

  # Names that only bytes can hold, and every kind of thing a directory has.
  locale-data = make {
    name = "locale-data-2.38";
    buildCommand = ''
      mkdir "$out/share/Übersetzungen" "$out/share/with blanks" "$out/share/empty"
      printf 'Grüße\n' > "$out/share/Übersetzungen/größe.txt"
      printf '日本語\n' > "$out/share/日本語.txt"
      printf 'one\n' > "$out/share/README"
      printf 'two\n' > "$out/share/readme"
      printf 'not UTF-8\n' > "$out/share/$(printf 'caf\351')"
      printf 'quotes\n' > "$out/share/with blanks/it's \"quoted\" \\ and 100%"
      printf "" > "$out/share/empty-file"
      printf '#!/bin/sh\nexit 0\n' > "$out/share/run me"
      chmod "$out/share/run me"
      ln "日本語.txt" "$out/share/链接"
      ln "nowhere/at/all" "$out/share/dangling"
      ln "$out/share/README" "$out/share/absolute"
      ln "../share" "$out/share/circle"
    '';
  };

  # Fixed by the hash of a whole directory, like a fetched repository.
  wallpapers = derivation {
    name = "wallpapers-source";
    inherit system tool;
    builder = "/bin/sh";
    args = [ "-e" "-c" ''
      "$tool" mkdir "$out/4k"
      "$tool" fill "$out/4k/mountains.png" 700 1
      "$tool" fill "$out/4k/sea.png" 500 2
      "$tool" ln 4k/sea.png "$out/default.png"
    '' ];
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
    outputHash = "sha256-wXgRNyUgscOv5E9rFVZXDK8zehlSMK0gJ/gt3cRWfCA=";
    preferLocalBuild = true;
  };

  # With __structuredAttrs a builder gets its attributes from a file instead of its environment.
  font-collection = derivation {
    name = "font-collection-1.0";
    inherit system;
    builder = "/bin/sh";
    __structuredAttrs = true;
    fonts = [ "Fira Code" "Noto Sans" ];
    hinting = { enable = true; style = "slight"; };
    outputs = [ "out" "extra" ];
    args = [ "-e" "-c" ''
      read -r attributes < .attrs.json || test -n "$attributes"
      case $attributes in
        *'"fonts":["Fira Code","Noto Sans"]'*) ;;
        *) printf 'no fonts in %s\n' "$attributes" >&2; exit 1 ;;
      esac
      ${tool} mkdir ${placeholder "out"}/share ${placeholder "extra"}
      ${tool} fill ${placeholder "out"}/share/fira.otf 80 11
      printf 'slight %s %s\n' ${fontconfig} ${placeholder "out"} > ${placeholder "extra"}/hints
    '' ];
  };

  nvidia-driver = unfree "nvidia-x11-535.129.03"
    (program "nvidia-x11" "535.129.03" { deps = [ mesa ]; tools = [ linux ]; sizeKiB = 1000; });
}
