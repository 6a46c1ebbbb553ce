# From the description of a host to its system, in the shape of a NixOS one: a few hundred lines of configuration become
# many tiny derivations that every machine is told to build itself, around packages worth caching.
{ builders, packages, settings }:
let
  inherit (builders) make local writeText writeScript linkFarm system;
  inherit (builtins) attrValues concatStringsSep mapAttrs toJSON;

  lines = concatStringsSep "\n";
  release = "24.11";

  unit = name: { description, command ? null}: writeText "unit-${builtins.replaceStrings [ "@" ] [ "-" ] name}" (lines ([
    "[Unit]"
    "Description=${description}"
    "[Service]"
    "Environment=PATH=${packages.coreutils}/bin:${packages.findutils}/bin:${packages.gnugrep}/bin:${packages.gnused}/bin"
  ] ++ (if command == null then [ ] else [ "ExecStart=${command}" ]) ++ [ "" ]));

  units = name: descriptions: linkFarm name (attrValues (mapAttrs
    (file: description: { path = file; target = unit file description; })
    descriptions));

  baseUnits = with packages; {
    "dbus.service" = { description = "D-Bus"; command = "${dbus}/bin/dbus"; };
    "getty@.service" = { description = "Getty"; command = "${util-linux}/bin/util-linux"; };
    "kmod-static-nodes.service" = { description = "Static nodes"; command = "${kmod}/bin/kmod"; };
    "nix-daemon.service" = { description = "Nix daemon"; command = "${nix}/bin/nix"; };
    "nix-gc.service" = { description = "Nix garbage collector"; command = "${nix}/bin/nix"; };
    "nix-gc.timer" = { description = "When to collect garbage"; };
    "sshd.service" = { description = "SSH daemon"; command = "${openssh}/bin/openssh"; };
    "systemd-journald.service" = { description = "Journal"; command = "${systemd}/bin/systemd"; };
    "systemd-udevd.service" = { description = "Devices"; command = "${systemd}/bin/systemd"; };
  };

  basePackages = with packages; [
    bash coreutils findutils gnugrep gnused gawk gnutar util-linux shadow systemd openssh curl nix kmod sudo locale-data
  ];

  common = [ settings.upstream ];
in
{ hostName
, unitsOf ? { }
, packagesOf ? [ ]
, etcOf ? { }
, modules ? [ ]
, caches ? [ settings.cache ] ++ common
}:
let
  nixSettings = {
    substituters = map (cache: cache.url) caches;
    trusted-public-keys = map (cache: cache.key) caches;
    trusted-users = [ "root" ];
    experimental-features = [ "nix-command" "flakes" ];
    auto-optimise-store = false;
  };

  system-path = linkFarm "system-path" (map
    (package: { path = "share/installed/${package.name}"; target = package; })
    (basePackages ++ packagesOf));

  kernel-modules = linkFarm "kernel-modules" (map
    (package: { path = "lib/modules/${package.name}"; target = package; })
    ([ packages.linux ] ++ modules));

  modules-shrunk = make {
    name = "${packages.linux.name}-modules-shrunk";
    inherit kernel-modules;
    nativeBuildInputs = [ packages.kmod ];
    buildCommand = ''mkdir "$out/lib"; fill "$out/lib/modules" 300 ${toString (builtins.stringLength hostName)}'';
  };

  initrd = make {
    name = "initrd-${packages.linux.name}";
    inherit modules-shrunk;
    contents = [ packages.bash packages.kmod packages.util-linux ];
    buildCommand = ''mkdir "$out"; fill "$out/initrd" 1500 5; printf '%s\n' ${hostName} >> "$out/initrd"'';
  };

  users-groups = writeText "users-groups.json" (toJSON {
    users = map (name: { inherit name; shell = "${packages.bash}/bin/bash"; }) [ "root" "alex" ];
  });

  etc-files = {
    "hostname" = writeText "etc-hostname" "${hostName}\n";
    "hosts" = writeText "etc-hosts" "127.0.0.1 localhost ${hostName}\n";
    "os-release" = writeText "etc-os-release" "NAME=NixOS\nVERSION_ID=${release}\n";
    "fstab" = writeText "etc-fstab" "/dev/disk/by-label/${hostName} / ext4 defaults 0 1\n";
    "locale.conf" = writeText "locale.conf" "LOCALE_ARCHIVE=${packages.locale-data}/share\n";
    # The caches are in a file outside of the store: see settings.nix.
    "nix/nix.conf" = writeText "nix.conf" "experimental-features = nix-command flakes\n!include caches.conf\n";
    "pam.d/login" = writeText "login.pam" "auth required ${packages.shadow}/bin/shadow\n";
    "pam.d/sudo" = writeText "sudo.pam" "auth required ${packages.sudo}/bin/sudo\n";
    "profile" = writeText "etc-profile" "export PATH=/run/current-system/sw/bin\n";
    "set-environment" = writeScript "set-environment" "export EDITOR=nano\n";
    "ssh/sshd_config" = writeText "sshd.conf-final" "Port 22\nHostKey /etc/ssh/${hostName}\n";
    "systemd/system" = units "system-units" (baseUnits // unitsOf);
    "systemd/user" = units "user-units" {
      "dbus.service" = { description = "Session bus"; command = "${packages.dbus}/bin/dbus"; };
    };
    "sysctl.d/60-nixos.conf" = writeText "etc-sysctl.d-60-nixos.conf" "kernel.sysrq=16\n";
    # A file of this repository: the store path is an input source, not the output of a derivation.
    "motd" = "${../files/motd}";
  } // mapAttrs (name: text: writeText "etc-${builtins.replaceStrings [ "/" ] [ "-" ] name}" text) etcOf;

  etc = linkFarm "etc" (attrValues (mapAttrs (path: target: { inherit path target; }) etc-files));

  activate = writeScript "activate" (lines [
    "#!${packages.bash}/bin/bash"
    "${packages.perl}/bin/perl ${users-groups}"
    "${packages.systemd}/bin/systemd ${etc}"
    ""
  ]);

  toplevel = make (local // {
    name = "nixos-system-${hostName}-${release}";
    inherit activate etc initrd;
    modules = kernel-modules;
    path = system-path;
    kernel = packages.linux;
    inherit (packages) systemd;
    buildCommand = ''
      mkdir "$out/bin"
      ln "$activate" "$out/activate"
      ln "$etc" "$out/etc"
      ln "$initrd/initrd" "$out/initrd"
      ln "$kernel/bin/linux" "$out/kernel"
      ln "$modules" "$out/kernel-modules"
      ln "$path" "$out/sw"
      ln "$systemd" "$out/systemd"
      printf '%s' ${release} > "$out/nixos-version"
      printf '%s' ${system} > "$out/system"
      printf '#!%s\nexec %s\n' "${packages.bash}/bin/bash" "$out/activate" > "$out/bin/switch-to-configuration"
      chmod "$out/bin/switch-to-configuration"
    '';
  });
in
{
  _type = "configuration";
  class = "nixos";
  pkgs = { inherit system; };
  config = {
    networking = { inherit hostName; };
    nixpkgs.hostPlatform = { inherit system; };
    nix.settings = nixSettings;
    system = {
      name = hostName;
      nixos.release = release;
      build = { inherit toplevel etc; };
    };
  };
}
