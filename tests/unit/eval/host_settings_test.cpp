// Whom a host trusts: what its module system writes into nix.conf, and what Nix makes of that. The hosts below have the
// shape of the real modules (nixpkgs 20.09 to 25.11, nix-darwin, home-manager) without their weight, and real Nix
// evaluates them. Where a file is written, real Nix reads it, too, and is the judge.
#include "eval/host_settings.hpp"
#include "nix_scene.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::eval;
using namespace cachefill::test;

namespace {

using List = std::vector<std::string>;

// `written TEXT` is what pkgs.writeTextFile makes of a nix.conf: a derivation that has its text as an attribute.
const std::string helpers = R"nix(
  written = text: derivation { name = "nix.conf"; inherit text; system = "x86_64-linux"; builder = "/bin/sh"; };
)nix";

struct Row {
    const char* name;
    TargetKind kind;
    const char* config;         // of the host: what is merged with its system
    const char* words;          // none: no module says anything
    List substituters, keys;    // over a machine that asks https://machine and believes machine-1:A=
    const char* conf = nullptr; // what the module wrote: real Nix must read the same lists out of it
};

constexpr auto nixos_kind = TargetKind::nixos, darwin_kind = TargetKind::darwin, home_kind = TargetKind::home;
const List machine{"https://machine"}, machine_keys{"machine-1:A="};

const std::vector<Row> rows{
    {"nixos-20.09",
     nixos_kind,
     R"(nix = { binaryCaches = [ "https://u" "https://cache.nixos.org/" ]; trustedBinaryCaches = [ ]; binaryCachePublicKeys = [ "u-1:A=" ];
          requireSignedBinaryCaches = true; extraOptions = "extra-substituters = https://x\n# extra-substituters = https://no\n"; };
        environment.etc."nix/nix.conf".source = drv "nix.conf" { };)",
     "binaryCaches",
     {"https://u", "https://cache.nixos.org/", "https://x"},
     {"u-1:A="}},
    {"nixos-21.11-none",
     nixos_kind,
     R"(nix = { binaryCaches = [ ]; binaryCachePublicKeys = [ ]; };)",
     "binaryCaches",
     {},
     {}},
    // Before 24.05 the file is in the order of the alphabet: what is added stands first, and is overruled.
    {"nixos-23.11",
     nixos_kind,
     R"(nix.settings = { substituters = [ "https://u" "https://cache.nixos.org/" ]; extra-substituters = [ "https://x" ]; };
        environment.etc."nix/nix.conf".source = written "extra-substituters = https://x\nsubstituters = https://u https://cache.nixos.org/\ntrusted-public-keys = u-1:A=\nextra-trusted-public-keys = y-1:A=\n";)",
     "settings",
     {"https://u", "https://cache.nixos.org/"},
     {"u-1:A=", "y-1:A="},
     "extra-substituters = https://x\nsubstituters = https://u https://cache.nixos.org/\ntrusted-public-keys = "
     "u-1:A=\nextra-trusted-public-keys = y-1:A=\n"},
    {"nixos-24.05",
     nixos_kind,
     R"(nix.settings = { substituters = [ "https://u" "https://cache.nixos.org/" ]; extra-substituters = [ "https://x" ]; };
        environment.etc."nix/nix.conf".source = written "substituters = https://u https://cache.nixos.org/\ntrusted-public-keys = u-1:A=\nextra-substituters = https://x\nextra-trusted-public-keys = y-1:A=\n";)",
     "settings",
     {"https://u", "https://cache.nixos.org/", "https://x"},
     {"u-1:A=", "y-1:A="},
     "substituters = https://u https://cache.nixos.org/\ntrusted-public-keys = u-1:A=\nextra-substituters = "
     "https://x\nextra-trusted-public-keys = y-1:A=\n"},
    {"nixos-extra-options",
     nixos_kind,
     R"(nix = { settings.substituters = [ "https://u" ]; extraOptions = "binary-caches = https://o"; };
        environment.etc."nix/nix.conf".source = written "substituters = https://u\ntrusted-public-keys = u-1:A=\nbinary-caches = https://o\n!include /run/secrets/tokens";)",
     "settings",
     {"https://o"},
     {"u-1:A="},
     "substituters = https://u\ntrusted-public-keys = u-1:A=\nbinary-caches = https://o\n"},
    {"nixos-forced-empty",
     nixos_kind,
     R"(nix.settings = { substituters = [ ]; trusted-public-keys = [ "u-1:A=" ]; };
        environment.etc."nix/nix.conf".source = written "substituters = \ntrusted-public-keys = u-1:A=\n";)",
     "settings",
     {},
     {"u-1:A="},
     "substituters = \ntrusted-public-keys = u-1:A=\n"},
    // Of modules that write no such file the options themselves are read.
    {"nixos-options",
     nixos_kind,
     R"(nix = { settings = { substituters = [ "https://u?priority=10" ]; extra-substituters = "https://x https://y";
              trusted-public-keys = [ "u-1:A=" ]; extra-trusted-public-keys = [ "y-1:A=" ]; }; binaryCaches = throw "renamed"; };)",
     "settings",
     {"https://u?priority=10", "https://x", "https://y"},
     {"u-1:A=", "y-1:A="}},
    {"nixos-options-unset", nixos_kind, R"(nix.settings = { };)", "settings", machine, machine_keys},
    {"nixos-options-empty", nixos_kind, R"(nix.settings = { substituters = [ ]; };)", "settings", {}, machine_keys},
    {"nixos-disabled",
     nixos_kind,
     R"(nix = { enable = false; settings.substituters = [ "https://u" ]; };)",
     "",
     {},
     {}},
    {"nixos-bare", nixos_kind, R"(other = 1;)", "", {}, {}},
    {"nixos-throws", nixos_kind, R"(nix = throw "no"; environment = throw "no";)", "", {}, {}},
    {"nixos-odd", nixos_kind, R"(nix.settings = "text"; environment.etc = 5;)", "settings", machine, machine_keys},
    {"nixos-broken",
     nixos_kind,
     R"(nix.settings = { substituters = throw "no"; trusted-public-keys = [ "u-1:A=" (x: x) { } (throw "no") ]; extra-substituters = x: x; };)",
     "settings",
     machine,
     {"u-1:A="}},
    {"darwin-2021",
     darwin_kind,
     R"(nix = { binaryCaches = [ "https://u" ]; binaryCachePublicKeys = [ "u-1:A=" ]; enable = throw "removed"; };)",
     "binaryCaches",
     {"https://u"},
     {"u-1:A="}},
    {"darwin-24.11",
     darwin_kind,
     R"(nix = { enable = true; settings = { substituters = [ "https://u" "https://cache.nixos.org/" ]; }; };
        environment.etc."nix/nix.conf".source = written "extra-substituters = https://x\nsubstituters = https://u https://cache.nixos.org/\ntrusted-public-keys = u-1:A=\n";)",
     "settings",
     {"https://u", "https://cache.nixos.org/"},
     {"u-1:A="},
     "extra-substituters = https://x\nsubstituters = https://u https://cache.nixos.org/\ntrusted-public-keys = "
     "u-1:A=\n"},
    {"darwin-unset", darwin_kind, R"(nix.settings = { cores = 4; };)", "settings", machine, machine_keys},
    {"darwin-extra",
     darwin_kind,
     R"(nix.settings = { extra-substituters = [ "https://x" ]; extra-trusted-public-keys = [ "y-1:A=" ]; };)",
     "settings",
     {"https://machine", "https://x"},
     {"machine-1:A=", "y-1:A="}},
    {"darwin-determinate",
     darwin_kind,
     R"(nix.enable = false; environment.etc."nix/nix.custom.conf".text = "extra-substituters = https://x\n";)",
     "nix.conf",
     {"https://machine", "https://x"},
     machine_keys},
    // home-manager writes the user's nix.conf, if there is anything to write, in the order of the alphabet.
    {"home-unset", home_kind, R"(nix = { enable = true; settings = { }; extraOptions = ""; }; xdg.configFile = { };)",
     "home", machine, machine_keys},
    {"home-extra",
     home_kind,
     R"(nix = { enable = true; settings = { extra-substituters = [ "https://x" ]; extra-trusted-public-keys = [ "y-1:A=" ]; }; };
        xdg.configFile."nix/nix.conf".source = written "extra-substituters = https://x\nextra-trusted-public-keys = y-1:A=\n\n";)",
     "home",
     {"https://machine", "https://x"},
     {"machine-1:A=", "y-1:A="},
     "extra-substituters = https://x\nextra-trusted-public-keys = y-1:A=\n\n"},
    {"home-own-list",
     home_kind,
     R"(nix = { enable = true; settings = { substituters = [ "https://u" ]; }; };
        xdg.configFile."nix/nix.conf".source = written "substituters = https://u\n\n";)",
     "home",
     {"https://u"},
     machine_keys,
     "substituters = https://u\n"},
    {"home-empty-list",
     home_kind,
     R"(nix = { enable = true; settings = { substituters = [ ]; }; }; xdg.configFile."nix/nix.conf".source = written "substituters = \n\n";)",
     "home",
     {},
     machine_keys,
     "substituters = \n"},
    {"home-both",
     home_kind,
     R"(nix = { enable = true; settings = { substituters = [ "https://u" ]; extra-substituters = [ "https://x" ]; }; };
        xdg.configFile."nix/nix.conf".source = written "extra-substituters = https://x\nsubstituters = https://u\n\n";)",
     "home",
     {"https://u"},
     machine_keys,
     "extra-substituters = https://x\nsubstituters = https://u\n"},
    {"home-extra-options",
     home_kind,
     R"(nix = { enable = true; settings = { }; extraOptions = "extra-substituters = https://x"; };
        xdg.configFile."nix/nix.conf".source = written "\nextra-substituters = https://x\n";)",
     "home",
     {"https://machine", "https://x"},
     machine_keys,
     "extra-substituters = https://x\n"},
    {"home-options",
     home_kind,
     R"(nix = { enable = true; settings = { extra-substituters = "https://x"; }; };)",
     "home",
     {"https://machine", "https://x"},
     machine_keys},
    {"home-options-null", home_kind, R"(nix.settings = { substituters = null; };)", "home", {}, machine_keys},
    {"home-disabled",
     home_kind,
     R"(nix = { enable = false; settings.extra-substituters = [ "https://x" ]; };)",
     "",
     {},
     {}},
    {"home-2021", home_kind, R"(nix = { registry = { }; };)", "", {}, {}},
    {"home-no-config", home_kind, "", "", {}, {}},
};

std::string output_of(const Row& row) {
    std::string config = std::string("config = { ") + row.config;
    switch (row.kind) {
    case TargetKind::nixos:
        return "nixosConfigurations.\"" + std::string(row.name) + "\" = { " + config +
               " system.build.toplevel = drv \"nixos\" { }; }; };\n";
    case TargetKind::darwin:
        return "darwinConfigurations.\"" + std::string(row.name) + "\" = { " + config +
               " }; system = drv \"darwin\" { }; };\n";
    default:
        return "homeConfigurations.\"" + std::string(row.name) + "\" = { " +
               (*row.config ? config + " }; " : std::string()) + "activationPackage = drv \"home\" { }; };\n";
    }
}

TargetRef ref(const Row& row) {
    switch (row.kind) {
    case TargetKind::nixos:
        return target(row.kind, "nixosConfigurations", row.name);
    case TargetKind::darwin:
        return target(row.kind, "darwinConfigurations", row.name);
    default:
        return target(row.kind, "homeConfigurations", row.name);
    }
}

std::string words_of(const std::optional<nix::CacheSettings>& settings) {
    if (!settings) return "";
    switch (settings->words) {
    case nix::SettingsWords::settings:
        return "settings";
    case nix::SettingsWords::binary_caches:
        return "binaryCaches";
    case nix::SettingsWords::home_settings:
        return "home";
    case nix::SettingsWords::nix_conf:
        break;
    }
    return "nix.conf";
}

// What real Nix makes of the file, as the machine's own or as a user's beside it.
std::pair<List, List> read_by_nix(const NixScene& scene, const Row& row) {
    std::string machine_conf = "substituters = https://machine\ntrusted-public-keys = machine-1:A=\n";
    bool is_users = row.kind == TargetKind::home;
    scene.write("etc/nix.conf", machine_conf + (is_users ? "" : row.conf));
    scene.write("user.conf", is_users ? row.conf : "");
    scene.shell("env -u NIX_CONFIG NIX_CONF_DIR=$PWD/etc NIX_USER_CONF_FILES=$PWD/user.conf "
                "nix --extra-experimental-features nix-command show-config --json > read.json");
    auto read = nlohmann::json::parse(scene.read("read.json"));
    return {read["substituters"]["value"].get<List>(), read["trusted-public-keys"]["value"].get<List>()};
}

} // namespace

BOOST_TEST_SPECIALIZED_COLLECTION_COMPARE(List)

BOOST_AUTO_TEST_SUITE(host_settings)

BOOST_AUTO_TEST_CASE(a_host_trusts_what_its_nix_conf_will_say) {
    NixScene scene;
    std::string outputs = "let " + helpers + " in {\n";
    for (const auto& row : rows) outputs += output_of(row);
    scene.flake_with(outputs + "}");
    std::vector<TargetRef> targets;
    for (const auto& row : rows) targets.push_back(ref(row));
    auto results = scene.evaluate_all(targets);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& row = rows[i];
        BOOST_TEST_CONTEXT(row.name) {
            BOOST_REQUIRE_MESSAGE(results[i].has_value(), (results[i] ? "" : results[i].error().one_line()));
            const auto& settings = results[i]->nix_settings;
            BOOST_TEST(words_of(settings) == row.words);
            if (!settings) continue;
            BOOST_TEST(settings->substituters.over(machine) == row.substituters);
            BOOST_TEST(settings->trusted_public_keys.over(machine_keys) == row.keys);
            if (!row.conf) continue;
            auto [substituters, keys] = read_by_nix(scene, row);
            BOOST_TEST(substituters == row.substituters);
            BOOST_TEST(keys == row.keys);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_business_of_caches_stays_in_the_evaluator) {
    auto target = nixos("box");
    auto expression = host_settings_expression(target.kind);
    NixScene scene;
    scene.write("read.nix",
                "let attempt = otherwise: v: let tried = builtins.tryEval (builtins.deepSeq v v); in if "
                "tried.success then tried.value else otherwise; plain = builtins.unsafeDiscardStringContext; "
                "value.config = { nix.settings = { }; nix.extraOptions = \"access-tokens = github.com=s3cret\\n"
                "extra-substituters = https://x\\n\"; }; in " +
                    expression);
    scene.shell("nix --extra-experimental-features nix-command eval --json -f read.nix > read.json");
    auto printed = scene.read("read.json");
    BOOST_TEST(printed.find("s3cret") == std::string::npos);
    auto settings = parse_host_settings(nlohmann::json::parse(printed));
    BOOST_REQUIRE(settings);
    BOOST_TEST(settings->substituters.added == (List{"https://x"}));
}

BOOST_AUTO_TEST_SUITE_END()
