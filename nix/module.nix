# services.cachefill, one module for NixOS, nix-darwin and home-manager: it looks at what the module system it is in offers.
# Separate switches, not roles: most machines are mixtures.
{ config, lib, options, pkgs, ... }:
let
  cfg = config.services.cachefill;
  inherit (lib) mkIf mkMerge mkOption optionalAttrs types;

  isHome = options ? home;
  isDarwin = options ? launchd && !isHome;
  isNixos = !isHome && !isDarwin;

  stateDirectory = if isNixos then "/var/lib/cachefill"
    else if isDarwin then "/var/lib/cachefill"
    else "${config.xdg.stateHome or "${config.home.homeDirectory}/.local/state"}/cachefill";

  # What the service reads its secrets from. On NixOS systemd hands them over, so that whoever owns the files, the service,
  # which is nobody in particular, can read them. No secret and no copy of one is ever in the store.
  credential = name: kind: file:
    if isNixos then "/run/credentials/cachefill.service/${name}-${kind}" else toString file;
  credentials = lib.concatLists (lib.mapAttrsToList (name: cache:
    lib.optional (cache.tokenFile != null) { inherit name; kind = "token"; file = cache.tokenFile; }
    ++ lib.optional (cache.signingKeyFile != null) { inherit name; kind = "key"; file = cache.signingKeyFile; })
    cfg.push.caches);

  # JSON is YAML.
  configFile = pkgs.writeText "cachefill.yml" (builtins.toJSON (lib.recursiveUpdate {
    push = {
      inherit (cfg.push) scope users metered;
      on-battery = cfg.push.onBattery;
      caches = lib.mapAttrs (name: cache:
        { inherit (cache) uri optional; }
        // optionalAttrs (cache.tokenFile != null) { token-file = credential name "token" cache.tokenFile; }
        // optionalAttrs (cache.signingKeyFile != null) { signing-key-file = credential name "key" cache.signingKeyFile; })
        cfg.push.caches;
    };
    retroactive = cfg.push.retroactive;
    uploads = 4;
    memory = "64M";
    state-directory = stateDirectory;
  } cfg.push.settings));

  command = [ "${cfg.package}/bin/cachefill" "push" "--watch" "--store" "daemon" "--config" "${configFile}" ];

  # The settings of Nix that the switches ask for.
  nixSettings = optionalAttrs cfg.configureNix {
    substituters = builtins.attrNames cfg.substituters;
    trusted-public-keys = builtins.attrValues cfg.substituters;
  } // optionalAttrs cfg.downloadOnly {
    # Nothing is built here. The way out, for once: `--max-jobs auto` on the command line of nix, nh or nixos-rebuild.
    max-jobs = 0;
    builders = "";
    fallback = false;
    # Without it some 240 small derivations of a typical host (allowSubstitutes = false) must be built by every machine
    # that evaluates, whatever the cache holds. Nix 2.19 or newer.
    always-allow-substitutes = true;
  };

  # NixOS before 22.05 knows no nix.settings.
  line = name: value: "${name} = ${
    if builtins.isBool value then lib.boolToString value
    else if builtins.isList value then lib.concatStringsSep " " value
    else toString value}";
  nixOptions =
    if options.nix ? settings || !isNixos then { settings = nixSettings; }
    else {
      binaryCaches = nixSettings.substituters or [ ];
      binaryCachePublicKeys = nixSettings.trusted-public-keys or [ ];
      extraOptions = lib.concatStringsSep "\n" (lib.mapAttrsToList line
        (removeAttrs nixSettings [ "substituters" "trusted-public-keys" "max-jobs" ])) + "\n";
    } // optionalAttrs cfg.downloadOnly { maxJobs = 0; };

  switchCommand = if isDarwin then "nh darwin switch" else if isHome then "nh home switch" else "nh os switch";
  fallbackCommand = if isDarwin then "darwin-rebuild switch" else if isHome then "home-manager switch"
    else "nixos-rebuild switch";
  guardedSwitch = pkgs.writeShellScriptBin "guarded-switch" ''
    # Switches only if nothing heavy would be compiled; otherwise says what and why.
    if command -v nh > /dev/null; then
      exec ${cfg.package}/bin/cachefill guard -- ${switchCommand} "$@"
    fi
    exec ${cfg.package}/bin/cachefill guard -- ${fallbackCommand} "$@"
  '';
  # Of a machine and a home of one name, doctor, wait and guard look at the one whose module installed them.
  kind = if isHome then "home" else if isDarwin then "darwin" else "nixos";
  forThisKind = lib.hiPrio (pkgs.writeShellScriptBin "cachefill" ''
    export CACHEFILL_KIND="''${CACHEFILL_KIND-${kind}}"
    exec -a "$0" ${cfg.package}/bin/cachefill "$@"
  '');
  packages = [ cfg.package forThisKind ] ++ lib.optional cfg.guard guardedSwitch;

  cacheOptions = {
    options = {
      uri = mkOption {
        type = types.str;
        example = "cachix://krit-nixos";
        description = "The cache: NAME or cachix://NAME, https://…, s3://BUCKET, file:///directory.";
      };
      tokenFile = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "/run/secrets/cachix-token";
        description = "File that holds the token, for instance of sops-nix or agenix. A string, so that it is not copied to the store.";
      };
      signingKeyFile = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "File that holds the signing key (name:base64), for caches that do not sign by themselves.";
      };
      optional = mkOption {
        type = types.bool;
        default = false;
        description = "The cache may be away for days without a warning.";
      };
    };
  };

  # Of a service that reads the store, talks to the Nix daemon and to the network, and writes nothing but its queue.
  hardening = {
    CapabilityBoundingSet = "";
    LockPersonality = true;
    MemoryDenyWriteExecute = true;
    NoNewPrivileges = true;
    PrivateDevices = true;
    PrivateTmp = true;
    PrivateUsers = true;
    ProcSubset = "pid";
    ProtectClock = true;
    ProtectControlGroups = true;
    ProtectHome = true;
    ProtectHostname = true;
    ProtectKernelLogs = true;
    ProtectKernelModules = true;
    ProtectKernelTunables = true;
    ProtectProc = "invisible";
    ProtectSystem = "strict";
    RemoveIPC = true;
    RestrictAddressFamilies = [ "AF_UNIX" "AF_INET" "AF_INET6" ];
    RestrictNamespaces = true;
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    SystemCallArchitectures = "native";
    SystemCallErrorNumber = "EPERM";
    SystemCallFilter = [ "@system-service" "~@privileged @resources" ];
    UMask = "0022";
  };
  background = {
    Nice = 10;
    CPUSchedulingPolicy = "batch";
    CPUWeight = 10;
    IOSchedulingClass = "idle";
    IOWeight = 10;
    MemoryMax = "1G";
    LimitNOFILE = 65536;
  };
  lifecycle = {
    Type = "notify";
    ExecStart = lib.concatStringsSep " " command;
    Restart = "on-failure";
    RestartSec = 30;
    TimeoutStopSec = 30;
    WatchdogSec = 300;
  };
in
{
  options.services.cachefill = {
    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ./default.nix { };
      defaultText = "pkgs.callPackage ./default.nix { }";
      description = "The cachefill to use; by default the program of the release that this module comes with, and on a branch, which has none, one that is built from source.";
    };
    substituters = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = { "https://krit-nixos.cachix.org" = "krit-nixos.cachix.org-1:…"; };
      description = "URLs of the caches that cachefill fills, each with its public key; for configureNix.";
    };
    configureNix = mkOption {
      type = types.bool;
      default = false;
      description = "Let this machine's Nix fetch from the substituters, and trust their keys.";
    };
    downloadOnly = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Build nothing on this machine, also none of the small derivations that are local by design. When something is not in
        the cache, switching fails instead of compiling; `--max-jobs auto` on the command line is the way out.
      '';
    };
    guard = mkOption {
      type = types.bool;
      default = false;
      description = "Install guarded-switch, which switches only if nothing heavy would be compiled.";
    };
    push = {
      enable = mkOption {
        type = types.bool;
        default = false;
        description = "Run the service that pushes what this machine builds.";
      };
      scope = mkOption {
        type = types.enum [ "system" "all" ];
        default = "system";
        description = "system: new system and home generations and what was built for them. all: whatever is built here.";
      };
      users = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "alex" ];
        description = ''
          Users whose home-manager generations below /nix/var/nix/profiles/per-user are pushed, too. They decide what goes into
          the cache: a profile is a link that its owner can point at anything in the store. (A home that keeps its profile in
          ~/.local/state has its own service: the module for home-manager.)
        '';
      };
      caches = mkOption {
        type = types.attrsOf (types.submodule cacheOptions);
        default = { };
        description = "The caches to fill, each with its own credentials and queue.";
      };
      onBattery = mkOption {
        type = types.enum [ "push" "wait" ];
        default = "push";
        description = "What to do on battery.";
      };
      metered = mkOption {
        type = types.enum [ "push" "wait" ];
        default = "push";
        description = "What to do on a connection that NetworkManager says is metered.";
      };
      retroactive = mkOption {
        type = types.bool;
        default = false;
        description = "Push also what was here before the first start.";
      };
      settings = mkOption {
        type = types.attrs;
        default = { };
        example = { exclude-push = [ "steam-*" ]; };
        description = "Further keys of cachefill's configuration (docs/configuration.md).";
      };
    };
  };

  config = mkMerge [
    (mkIf (cfg.configureNix || cfg.downloadOnly) { nix = nixOptions; })

    (mkIf cfg.push.enable {
      assertions = [{
        assertion = cfg.push.caches != { };
        message = "services.cachefill.push.caches is empty: there is nowhere to push to";
      }];
    })

    (optionalAttrs (!isHome) {
      environment = mkIf (cfg.push.enable || cfg.guard) { systemPackages = packages; };
    })
    (optionalAttrs isHome {
      home = mkIf (cfg.push.enable || cfg.guard) { inherit packages; };
    })

    (optionalAttrs isNixos {
      users = mkIf cfg.push.enable {
        users.cachefill = { isSystemUser = true; group = "cachefill"; description = "pushes what this machine builds"; };
        groups.cachefill = { };
      };
      systemd = mkIf cfg.push.enable {
        services.cachefill = {
          description = "Push what this machine builds to binary caches";
          wantedBy = [ "multi-user.target" ];
          wants = [ "nix-daemon.socket" ];
          after = [ "network.target" "nix-daemon.socket" ];
          path = [ config.nix.package pkgs.systemd ];
          environment.HOME = stateDirectory;
          serviceConfig = lifecycle // background // hardening // {
            User = "cachefill";
            Group = "cachefill";
            StateDirectory = "cachefill";
            StateDirectoryMode = "0755";
            # Within, all users but root and the service's own are nobody, so no named user's link could be told from others'.
            PrivateUsers = cfg.push.users == [ ];
            LoadCredential = map (c: "${c.name}-${c.kind}:${c.file}") credentials;
          };
        };
        # systemd copies secrets when a service starts: a renewed token starts it anew.
        paths.cachefill-credentials = mkIf (credentials != [ ]) {
          wantedBy = [ "multi-user.target" ];
          pathConfig.PathChanged = map (c: c.file) credentials;
        };
        services.cachefill-credentials = mkIf (credentials != [ ]) {
          description = "Give cachefill its renewed credentials";
          serviceConfig = {
            Type = "oneshot";
            ExecStart = "${pkgs.systemd}/bin/systemctl try-restart cachefill.service";
          };
        };
      };
    })

    (optionalAttrs isDarwin {
      # As root it would read everything and need nothing of it. The secrets' files have to be readable by this user.
      users = mkIf cfg.push.enable {
        users._cachefill = {
          uid = lib.mkDefault 547;
          gid = lib.mkDefault 547;
          home = stateDirectory;
          shell = "/usr/bin/false";
          description = "pushes what this machine builds";
          isHidden = true;
        };
        groups._cachefill = { gid = lib.mkDefault 547; description = "pushes what this machine builds"; };
        knownUsers = [ "_cachefill" ];
        knownGroups = [ "_cachefill" ];
      };
      system = mkIf cfg.push.enable {
        activationScripts.launchd.text = lib.mkBefore ''
          mkdir -p -m 0755 ${stateDirectory}
          chown -h _cachefill:_cachefill ${stateDirectory}
        '';
      };
      launchd = mkIf cfg.push.enable {
        daemons.cachefill.serviceConfig = {
          UserName = "_cachefill";
          GroupName = "_cachefill";
          ProgramArguments = command;
          EnvironmentVariables = {
            PATH = "${config.nix.package}/bin:/usr/bin:/bin";
            HOME = stateDirectory;
            NIX_SSL_CERT_FILE = "/etc/ssl/certs/ca-certificates.crt";
          };
          KeepAlive = true;
          RunAtLoad = true;
          ProcessType = "Background";
          LowPriorityIO = true;
          LowPriorityBackgroundIO = true;
          Nice = 10;
          StandardErrorPath = "${stateDirectory}/cachefill.log";
        };
      };
    })

    (optionalAttrs isHome {
      systemd = mkIf (cfg.push.enable && pkgs.stdenv.isLinux) {
        user.services.cachefill = {
          Unit.Description = "Push what this user builds to binary caches";
          Install.WantedBy = [ "default.target" ];
          # A user's manager cannot confine as the system's can; what needs no privilege is there.
          Service = lifecycle // background // {
            inherit (hardening) LockPersonality MemoryDenyWriteExecute NoNewPrivileges RestrictAddressFamilies
              RestrictRealtime RestrictSUIDSGID SystemCallArchitectures UMask;
          };
        };
      };
      launchd = mkIf (cfg.push.enable && pkgs.stdenv.isDarwin) {
        agents.cachefill = {
          enable = true;
          config = {
            ProgramArguments = command;
            KeepAlive = true;
            RunAtLoad = true;
            ProcessType = "Background";
            LowPriorityIO = true;
            Nice = 10;
          };
        };
      };
    })
  ];
}
