# Content-addressed derivations in all the ways in which the id of a realisation is made. See regenerate.
let
  drv = name: script: more: derivation ({
    inherit name;
    system = "x86_64-linux";
    builder = "/bin/sh";
    args = [ "-c" script ];
  } // more);
  addressed = { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  fetched = drv "fetched" "echo fetched > $out" {
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = "f6e379b0639054c51806fd5d67948cbcaebd354b0e91a7683932b043c5c3ba32";
  };
  plain = drv "plain" "echo ${fetched} > $out" { };
  leaf = drv "leaf" "echo leaf > $out" addressed;
  split = drv "split" "echo $dev > $out; echo ${plain} > $dev" (addressed // { outputs = [ "out" "dev" ]; });
  quoted = "a \"quoted\" text with \\ and\ta tab";
  deferred = drv "deferred" "echo ${leaf} ${split} > $out; echo > $doc" { outputs = [ "out" "doc" ]; };
in
{
  floating = drv "floating" "echo ${leaf} ${split} ${split.dev} ${plain} > $out" (addressed // { inherit quoted; });
  inherit deferred;
  # Placeholders in every place, more than once, and a name and paths that are not the first.
  structured = drv "structured" ''
    read -r json < .attrs.json; out=''${json#*\"outputs\":\{\"out\":\"}; echo ${leaf} ${leaf} ${split.dev} > "''${out%%\"*}"
  '' {
    __structuredAttrs = true;
    outputs = [ "out" ];
    inherit (split) dev;
    list = [ leaf split "${fetched}" ];
  };
  named = derivation {
    name = "named";
    system = "x86_64-linux";
    builder = "/bin/sh";
    args = [ "-c" "echo ${split.dev} ${deferred} > $doc; echo $doc > $out" ];
    outputs = [ "doc" "out" ];
    twice = "${split}${split.dev}${split}";
    source = builtins.toFile "source" "a source";
  };
}
