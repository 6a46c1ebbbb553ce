# What evaluation reads of derivations' outputs, in the ways there are. See regenerate.
{
  outputs = { self }:
    let
      drv = name: script: more: derivation ({
        inherit name;
        system = "x86_64-linux";
        builder = "/bin/sh";
        args = [ "-c" script ];
      } // more);
      tool = drv "tool" "echo tool > $out" { }; # only needed to build
      text = drv "text" "read line < ${tool}; echo $line > $out" { };
      first = drv "first.nix" "echo '\"first\"' > $out" { };
      second = drv "second.nix" "read line < ${first}; echo $line > $out" { };
      split = drv "split" "echo out > $out; echo dev > $dev; echo doc > $doc" { outputs = [ "out" "dev" "doc" ]; };
      left = drv "left" "echo > $out" { };
      right = drv "right" "echo > $out" { };
    in
    {
      result = builtins.concatStringsSep "-" [
        (builtins.readFile text)
        (import first)
        (import second)
        (builtins.readFile split.dev)
        (if builtins.pathExists "${left}${right}" then "both" else "none")
      ];
    };
}
