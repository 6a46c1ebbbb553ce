# Evaluating it builds something: what disks there are is read from a generated file (import from derivation). It also
# trusts a cache that no other host does.
{ packages, builders, settings, ... }:
let
  inventory = builders.writeText "nas-inventory" "tank: sda sdb sdc\nbackup: sdd\n";

  facts = import (builders.make {
    name = "nas-facts.nix";
    inherit inventory;
    buildCommand = ''
      printf '{ pools = [ ' > "$out"
      while IFS=: read -r pool disks; do printf '"%s" ' "$pool" >> "$out"; done < "$inventory"
      printf ']; }\n' >> "$out"
    '';
  });

  unitOf = pool: {
    name = "zfs-import-${pool}.service";
    value = { description = "Import pool ${pool}"; command = "${packages.zfs}/bin/zfs"; };
  };
in
{
  hostName = "nas";
  packagesOf = with packages; [ git vim htop tmux zfs samba nfs-utils restic smartmontools ];
  modules = [ packages.zfs ];
  unitsOf = builtins.listToAttrs (map unitOf facts.pools) // {
    "smbd.service" = { description = "Samba"; command = "${packages.samba}/bin/samba"; };
    "nfs-server.service" = { description = "NFS"; command = "${packages.nfs-utils}/bin/nfs-utils"; };
    "restic-backup.service" = { description = "Backup"; command = "${packages.restic}/bin/restic"; };
    "restic-backup.timer" = { description = "When to back up"; };
    "smartd.service" = { description = "Disk health"; command = "${packages.smartmontools}/bin/smartmontools"; };
  };
  etcOf = {
    "samba/smb.conf" = "[global]\nserver string = nas\n";
    "exports" = "/tank 10.0.0.0/8(rw)\n";
  };
  caches = [ settings.cache settings.upstream settings.extra ];
}
