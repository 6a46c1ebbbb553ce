{
  description = "broken in every way";
  outputs = { self }:
    let
      drv = name: extra: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo hi > $out" ]; } // extra);
      host = top: { config = { system.build.toplevel = top; nix.settings = { substituters = [ "https://a" ]; }; }; };
      badbuilt = drv "ifdbad" { args = [ "-c" "echo going wrong; exit 3" ]; };
    in {
      nixosConfigurations = {
        ok = host (drv "ok" { });
        throws = host (throw "this host\nthrows on two lines");
        aborts = host (abort "this host aborts");
        asserts = host (assert 1 == 2; drv "x" { });
        missing = host (drv "x" { }).nope;
        type = host (drv "x" { a = 1 + "b"; });
        undefvar = import ./hosts/undefined.nix;
        infinite = host (let x = x; in x);
        nofile = import ./hosts/nofile.nix;
        syntax = import ./hosts/syntax.nix;
        deep = host (import ./hosts/deep.nix { inherit drv; });
        ifdbad = host (drv (import badbuilt) { });
        notdrv = host "just a string";
        noconfig = { };
        fn = host (({ a }: a) { b = 1; });
        module = host (throw ''
          The option `services.nope' does not exist. Definition values:
          - In `${toString ./hosts/module.nix}': true'');
        unfree = host (throw ''
          Package ‘steam-1.0’ in /nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-source/pkgs/games/steam:10 has an unfree license (‘unfree’), refusing to evaluate.

          a) To temporarily allow unfree packages, you can use an environment variable
             for a single invocation of the nix tools.

               $ export NIXPKGS_ALLOW_UNFREE=1
          '');
      };
    };
}
