{ packages, builders, ... }:
let
  check = name: buildCommand: builders.make { name = "check-${name}"; inherit buildCommand; };
in
{
  restic-runs = check "restic-runs" ''test -x "${packages.restic}/bin/restic"; printf 'ok\n' > "$out"'';
  ssh-configuration = check "ssh-configuration" ''
    read -r first < "${builders.writeText "sshd.conf" "Port 22\n"}"
    test "$first" = "Port 22"
    mkdir "$out"
  '';
}
