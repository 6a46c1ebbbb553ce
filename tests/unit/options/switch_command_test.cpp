#include "eval/target.hpp"
#include "options/switch_command.hpp"
#include "options/wrapped_command.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::options;
using eval::TargetKind;

BOOST_AUTO_TEST_SUITE(switch_command)

namespace {

using Words = std::vector<std::string>;
SwitchCommand parsed(const Words& command) {
    auto result = parse_switch_command(command);
    BOOST_REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().one_line()));
    return std::move(*result);
}
const std::string path = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-system";

} // namespace

BOOST_AUTO_TEST_CASE(nh_is_given_the_path_where_the_flake_would_stand) {
    BOOST_TEST(parsed({"nh", "os", "switch"}).with_path(path) == (Words{"nh", "os", "switch", path}),
               boost::test_tools::per_element());
    BOOST_TEST(parsed({"nh", "os", "boot", ".", "--ask", "--", "--cores", "2"}).with_path(path) ==
                   (Words{"nh", "os", "boot", path, "--ask", "--", "--cores", "2"}),
               boost::test_tools::per_element());
    BOOST_TEST(parsed({"nh", "os", "test", "-a", "--", "-v"}).with_path(path) ==
                   (Words{"nh", "os", "test", "-a", path, "--", "-v"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(other_commands_run_as_they_are) {
    const Words rebuild{"sudo", "nixos-rebuild", "switch", "--flake", ".#nas"};
    BOOST_TEST(parsed(rebuild).with_path(path) == rebuild, boost::test_tools::per_element());
    const Words clean{"nh", "clean", "all"};
    BOOST_TEST(parsed(clean).with_path(path) == clean, boost::test_tools::per_element());
    const Words make{"make", "switch"};
    BOOST_TEST(parsed(make).with_path(path) == make, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_tool_behind_what_is_not_known_is_looked_for_and_gets_no_path) {
    const Words through{"direnv", "exec", ".", "nh", "home", "switch", "-c", "lee"};
    auto command = parsed(through);
    BOOST_TEST((command.kind == TargetKind::home));
    BOOST_TEST(command.host == "lee");
    BOOST_TEST(command.with_path(path) == through, boost::test_tools::per_element());
    BOOST_TEST((parsed({"op", "run", "--", "/bin/darwin-rebuild", "switch"}).kind == TargetKind::darwin));
    BOOST_TEST((parsed({"echo", "nh", "search"}).tool == SwitchTool::other));
    BOOST_TEST((parsed({"make", "home-manager-switch"}).tool == SwitchTool::other));
}

BOOST_AUTO_TEST_CASE(what_a_file_makes_is_no_flakes) {
    for (const auto& command : std::vector<Words>{{"nh", "os", "switch", "-f", "default.nix"},
                                                  {"nixos-rebuild", "switch", "--file", ".", "-A", "nas"},
                                                  {"nixos-rebuild", "switch", "--file=x.nix"}}) {
        auto refused = parse_switch_command(command);
        BOOST_REQUIRE(!refused);
        BOOST_TEST((refused.error().kind() == FailureKind::usage));
    }
}

BOOST_AUTO_TEST_CASE(what_the_command_names_is_what_is_looked_at) {
    auto rebuild = parsed({"sudo", "nixos-rebuild", "switch", "--flake", "/etc/nixos#nas"});
    BOOST_TEST(rebuild.flake == "/etc/nixos");
    BOOST_TEST(rebuild.host == "nas");
    auto nh = parsed({"nh", "os", "switch", "-H", "desk", "~/nix"});
    BOOST_TEST(nh.flake == "~/nix");
    BOOST_TEST(nh.host == "desk");
    BOOST_TEST(parsed({"nh", "os", "switch", "--hostname=lap"}).host == "lap");
    BOOST_TEST(parsed({"nixos-rebuild", "boot", "--flake=.#x"}).host == "x");
}

BOOST_AUTO_TEST_CASE(a_command_that_moves_the_lock_is_refused_with_the_way_to_do_it) {
    for (const auto& command : std::vector<Words>{{"nh", "os", "switch", "--update"},
                                                  {"nh", "os", "switch", "-u"},
                                                  {"nh", "os", "switch", "-au"},
                                                  {"nixos-rebuild", "switch", "--upgrade"},
                                                  {"nh", "os", "switch", "--", "--recreate-lock-file"},
                                                  {"nix", "build", "--update-input", "nixpkgs"}}) {
        auto result = parse_switch_command(command);
        BOOST_REQUIRE(!result.has_value());
        BOOST_TEST((result.error().kind() == FailureKind::usage));
        BOOST_TEST(result.error().hint().find("guard --update") != std::string::npos);
    }
    BOOST_TEST(parse_switch_command({"ls", "-u"}).has_value());
}

BOOST_AUTO_TEST_CASE(no_command_and_a_store_path_are_no_use) {
    BOOST_TEST(!parse_switch_command({}).has_value());
    BOOST_TEST(!parse_switch_command({"nh", "os", "switch", path}).has_value());
}

BOOST_AUTO_TEST_CASE(the_kind_of_host_is_the_one_that_the_command_switches) {
    auto kind = [](const Words& command) {
        auto of = parsed(command).kind;
        return of ? std::string(eval::to_string(*of)) : std::string("any");
    };
    BOOST_TEST(kind({"nh", "os", "switch"}) == "nixos");
    BOOST_TEST(kind({"nh", "home", "switch"}) == "home");
    BOOST_TEST(kind({"nh", "-v", "darwin", "switch"}) == "darwin");
    BOOST_TEST(kind({"/run/current-system/sw/bin/nixos-rebuild", "boot"}) == "nixos");
    BOOST_TEST(kind({"home-manager", "switch"}) == "home");
    BOOST_TEST(kind({"darwin-rebuild", "switch"}) == "darwin");
    BOOST_TEST(kind({"make", "home"}) == "any");
    BOOST_TEST(kind({"nh", "clean", "all"}) == "any");
    for (const auto& wrapped : std::vector<Words>{{"sudo"},
                                                  {"sudo", "-H"},
                                                  {"sudo", "-nH", "-u", "kim"},
                                                  {"sudo", "-ukim", "--preserve-env=PATH"},
                                                  {"sudo", "--user", "kim", "HOME=/x"},
                                                  {"sudo", "--"},
                                                  {"doas", "-u", "kim"},
                                                  {"run0", "--user", "kim"},
                                                  {"env", "NH_FLAKE=/x", "A=b"},
                                                  {"env", "-u", "NH_FLAKE", "-C", "/x"},
                                                  {"env", "-i", "--unset=A", "B=c"},
                                                  {"nice"},
                                                  {"nice", "-n", "10"},
                                                  {"nice", "-19"},
                                                  {"ionice", "-c", "3", "nice", "-n10"},
                                                  {"systemd-inhibit", "--what=idle", "--why", "an update"},
                                                  {"systemd-run", "--user", "--scope", "-p", "CPUWeight=10"},
                                                  {"command"},
                                                  {"time", "-p"},
                                                  {"time", "-f", "%e"},
                                                  {"timeout", "-k", "5", "2h"},
                                                  {"caffeinate", "-i"},
                                                  {"nohup", "sudo", "env", "A=b", "nice"}}) {
        for (const auto& [program, expected] : std::vector<std::pair<Words, std::string>>{
                 {{"nh", "home", "switch", "."}, "home"}, {{"nixos-rebuild", "switch", "--flake", "."}, "nixos"}}) {
            auto command = wrapped;
            command.insert(command.end(), program.begin(), program.end());
            BOOST_TEST(kind(command) == expected, parsed(command).text());
            BOOST_TEST(parsed(command).flake == ".", parsed(command).text());
        }
    }
    BOOST_TEST(kind({"nix", "run", "nixpkgs#nh", "--", "home", "switch"}) == "home");
    BOOST_TEST(kind({"nix", "run", "home-manager/master", "--", "switch", "--flake", "."}) == "home");
    BOOST_TEST(kind({"nix", "--extra-experimental-features", "nix-command flakes", "run", "github:LnL7/nix-darwin",
                     "--", "switch"}) == "darwin");
    BOOST_TEST(kind({"nix", "shell", "nixpkgs#nh", "-c", "nh", "os", "switch"}) == "nixos");
    BOOST_TEST(kind({"nix", "build", "nh"}) == "any");
    BOOST_TEST(kind({"sudo"}) == "any");
}

BOOST_AUTO_TEST_CASE(what_stands_before_the_program_is_none_of_its_arguments) {
    auto nh = parsed({"sudo", "-u", "kim", "env", "-C", "/srv", "NH_FLAKE=/fleet", "nh", "os", "switch", "-H", "desk"});
    BOOST_TEST(nh.user == "kim");
    BOOST_TEST(nh.directory == "/srv");
    BOOST_TEST(nh.variables.at("NH_FLAKE") == "/fleet");
    BOOST_TEST(nh.host == "desk");
    BOOST_TEST(parsed({"sudo", "nixos-rebuild", "switch"}).user == "root");
    BOOST_TEST(parsed({"nh", "os", "switch"}).user.empty());
    // Their own -u is no update.
    BOOST_TEST(parse_switch_command({"sudo", "-u", "kim", "nh", "os", "switch"}).has_value());
    BOOST_TEST(!parse_switch_command({"nix", "run", "nixpkgs#nh", "--", "os", "switch", "-u"}).has_value());
    const Words run{"nix", "run", "nixpkgs#nh", "--", "os", "switch"};
    BOOST_TEST(parsed(run).with_path(path) == (Words{"nix", "run", "nixpkgs#nh", "--", "os", "switch", path}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_name_of_a_host_may_be_an_attribute) {
    BOOST_TEST(parsed({"home-manager", "switch", "--flake", ".#\"kim@desk\""}).host == "kim@desk");
    BOOST_TEST(parsed({"nh", "home", "switch", ".#homeConfigurations.\"kim@desk\""}).host == "kim@desk");
    BOOST_TEST(parsed({"nh", "os", "switch", ".#nixosConfigurations.nas"}).host == "nas");
    BOOST_TEST(parsed({"nh", "home", "switch", "-c", "kim@desk", "-b", "bak", "."}).flake == ".");
}

BOOST_AUTO_TEST_CASE(a_command_is_told_so_that_it_can_be_pasted) {
    BOOST_TEST(parsed({"nh", "os", "switch", "/my fleet"}).text() == "nh os switch '/my fleet'");
    BOOST_TEST(parsed({"nixos-rebuild", "switch", "--flake", "git+https://kim:s3cret@host/fleet#nas"}).text() ==
               "nixos-rebuild switch --flake 'git+https://host/fleet#…'");
    auto rebuild = parsed({"sudo", "nixos-rebuild", "switch", "--flake", ".#nas"});
    BOOST_TEST(rebuild.with_flake("git+file:///f?rev=1").text() ==
               "sudo nixos-rebuild switch --flake 'git+file:///f?rev=1#nas'");
    BOOST_TEST(rebuild.with_nix_options({"--option", "cores", "1"}) ==
               "sudo nixos-rebuild switch --flake .#nas --option cores 1");
    auto nh = parsed({"nh", "os", "switch", "."});
    BOOST_TEST(nh.with_flake("/f").text() == "nh os switch /f");
    BOOST_TEST(nh.with_nix_options({"--option", "cores", "1"}) == "nh os switch . -- --option cores 1");
    BOOST_TEST(parsed({"nh", "os", "switch", "--", "-L"}).with_nix_options({"--impure"}) ==
               "nh os switch -- -L --impure");
    BOOST_TEST(parsed({"make", "switch"}).with_nix_options({"--impure"}).empty());
    BOOST_TEST(nh.to_built(path) == "nh os switch " + path);
    BOOST_TEST(parsed({"home-manager", "switch"}).to_built(path) ==
               "nix-store -r " + path + " && " + path + "/activate");
}

BOOST_AUTO_TEST_CASE(the_usual_command_names_what_its_tool_would_not_find) {
    auto usual = [](SwitchTool tool, TargetKind kind, const char* flake, const char* host) {
        auto command = make_switch_command(tool, kind, flake, host);
        BOOST_TEST((command.kind == kind));
        return command.text();
    };
    BOOST_TEST(usual(SwitchTool::nh, TargetKind::nixos, "", "") == "nh os switch");
    BOOST_TEST(usual(SwitchTool::nh, TargetKind::home, ".", "kim") == "nh home switch . -c kim");
    BOOST_TEST(usual(SwitchTool::nh, TargetKind::darwin, ".", "mac") == "nh darwin switch . -H mac");
    BOOST_TEST(usual(SwitchTool::nixos_rebuild, TargetKind::nixos, ".", "") == "sudo nixos-rebuild switch --flake .");
    BOOST_TEST(usual(SwitchTool::home_manager, TargetKind::home, "", "kim") == "home-manager switch --flake .#kim");
    BOOST_TEST(usual(SwitchTool::darwin_rebuild, TargetKind::darwin, "/f", "m") ==
               "sudo darwin-rebuild switch --flake /f#m");
}

BOOST_AUTO_TEST_SUITE_END()
