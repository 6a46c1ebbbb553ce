let
  sh = "/bin/sh";
  text = builtins.toFile "plain.txt" "hello\n";
  textRef = builtins.toFile "refers.txt" "to ${text}\n";
  base = { system = builtins.currentSystem; builder = sh; };
  d = args: derivation (base // args);
  ordinary = d { name = "ordinary"; args = ["-c" "echo ${textRef} > $out"]; preferLocalBuild = true; allowSubstitutes = false; requiredSystemFeatures = ["kvm" "big-parallel"]; };
in rec {
  inherit ordinary;
  multiple = d { name = "multiple"; outputs = ["out" "dev" "lib"]; args = ["-c" "for o in $out $dev $lib; do echo ${ordinary} > $o; done"]; strange = "quote \" backslash \\ newline \n tab \t return \r dollar \${x} umlaut ä nul-free"; };
  flat = d { name = "flat.tar"; outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="; args = ["-c" "echo hello > $out"]; };
  recursive = d { name = "recursive"; outputHashMode = "recursive"; outputHashAlgo = "sha256"; outputHash = "0000000000000000000000000000000000000000000000000000"; };
  sha512 = d { name = "sha512"; outputHashMode = "flat"; outputHashAlgo = "sha512"; outputHash = builtins.hashString "sha512" "x"; };
  floating = d { name = "floating"; __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; outputs = ["out" "man"]; args = ["-c" "echo x > $out; echo y > $man"]; };
  deferred = d { name = "deferred"; args = ["-c" "echo ${floating} ${floating.man} > $out"]; inherit (multiple) dev; };
  impure = d { name = "impure"; __impure = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  structured = d { name = "structured"; __structuredAttrs = true; allowSubstitutes = false; preferLocalBuild = true; requiredSystemFeatures = ["kvm" "nixos-test"]; list = [1 2 { a = "ü\n\"q\""; }]; outputs = ["out" "doc"]; };
  structuredPlain = d { name = "structured-plain"; __structuredAttrs = true; };
}
