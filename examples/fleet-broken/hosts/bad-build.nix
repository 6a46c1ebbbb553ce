# One package of this host does not compile.
{ packages, builders, desktop, ... }:
let
  printer-driver = builders.make {
    name = "printer-driver-0.7";
    nativeBuildInputs = [ packages.stdenv ];
    buildCommand = ''
      for step in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27; do
        printf 'compiling part %s of 27\n' "$step"
      done
      printf 'driver.c:120:9: error: implicit declaration of function "cupsOpen"\n' >&2
      printf 'compilation terminated.\n' >&2
      printf 'make: *** [Makefile:14: driver.o] Error 1\n' >&2
      exit 1
    '';
  };
in
{
  hostName = "bad-build";
  unitsOf = desktop.unitsOf // {
    "printing.service" = { description = "Printing"; command = "${printer-driver}/bin/driver"; };
  };
}
