#include "options/wrapped_command.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::options;

namespace {

using Words = std::vector<std::string>;

WrappedCommand unwrapped(const Words& words) { return unwrap(words); }

// The program with what is its own: "nh os switch".
std::string meant(const Words& words) {
    auto command = unwrapped(words);
    auto text = command.program;
    for (auto at = command.arguments_at; at < words.size(); ++at) text += " " + words[at];
    return text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(wrapped_command)

BOOST_AUTO_TEST_CASE(a_program_without_a_wrapper_is_itself) {
    BOOST_TEST(meant({"nh", "os", "switch"}) == "nh os switch");
    BOOST_TEST(meant({"/run/current-system/sw/bin/nixos-rebuild", "boot"}) == "nixos-rebuild boot");
    BOOST_TEST(meant({"./nh"}) == "nh");
    BOOST_TEST(meant({"nice-tool", "-n", "5"}) == "nice-tool -n 5"); // only begins like one
}

BOOST_AUTO_TEST_CASE(nothing_and_a_wrapper_of_nothing_run_nothing) {
    for (const auto& words : std::vector<Words>{{},
                                                {"sudo"},
                                                {"sudo", "-u", "kim"},
                                                {"env", "A=1"},
                                                {"timeout", "5m"},
                                                {"sudo", "--"},
                                                {"nix", "shell", "nixpkgs#nh", "-c"}}) {
        auto command = unwrapped(words);
        BOOST_TEST(command.program == "");
        BOOST_TEST(command.arguments_at == words.size());
    }
}

BOOST_AUTO_TEST_CASE(options_of_wrappers_are_passed_with_their_values) {
    const std::pair<Words, const char*> table[] = {
        {{"sudo", "nh", "os", "switch"}, "nh os switch"},
        {{"sudo", "-E", "-u", "kim", "nh", "os"}, "nh os"},
        {{"sudo", "-nHu", "kim", "nh"}, "nh"}, // the last letter takes the next word
        {{"sudo", "-ukim", "nh"}, "nh"},       // or what is left of its own
        {{"sudo", "--user", "kim", "nh"}, "nh"},
        {{"sudo", "--user=kim", "nh"}, "nh"},
        {{"sudo", "--preserve-env", "nh"}, "nh"}, // takes no word
        {{"sudo", "-u", "kim", "--", "nh", "--", "-v"}, "nh -- -v"},
        {{"doas", "-u", "root", "nixos-rebuild", "switch"}, "nixos-rebuild switch"},
        {{"run0", "--unit", "x", "nh"}, "nh"},
        {{"pkexec", "--user", "kim", "nh"}, "nh"},
        {{"nice", "-n", "10", "nh"}, "nh"},
        {{"nice", "-n10", "nh"}, "nh"},
        {{"nice", "--adjustment=10", "nh"}, "nh"},
        {{"ionice", "-c3", "nh"}, "nh"},
        {{"ionice", "-c", "3", "-n", "7", "nh"}, "nh"},
        {{"chrt", "-i", "0", "nh"}, "nh"}, // its priority comes first
        {{"taskset", "0xff", "nh"}, "nh"},
        {{"timeout", "-k", "5", "1h", "nh", "os"}, "nh os"},
        {{"systemd-inhibit", "--what=sleep", "--who", "me", "nh"}, "nh"},
        {{"systemd-run", "--user", "-p", "CPUQuota=50%", "nh"}, "nh"},
        {{"time", "-f", "%e", "nh"}, "nh"},
        {{"caffeinate", "-i", "darwin-rebuild", "switch"}, "darwin-rebuild switch"},
        {{"nohup", "nh"}, "nh"},
        {{"exec", "-a", "x", "nh"}, "nh"},
        {{",", "nh", "os"}, "nh os"},
        {{"/usr/bin/sudo", "/usr/bin/env", "nh"}, "nh"},
    };
    for (const auto& [words, wanted] : table) BOOST_TEST(meant(words) == wanted, wanted << " of " << words[0]);
}

BOOST_AUTO_TEST_CASE(wrappers_may_stand_behind_each_other) {
    BOOST_TEST(meant({"systemd-inhibit", "--what=sleep", "sudo", "-E", "nice", "-n", "5", "env", "A=b", "nh", "os"}) ==
               "nh os");
    Words many(500, "sudo");
    many.push_back("nh");
    BOOST_TEST(meant(many) == "nh");
}

BOOST_AUTO_TEST_CASE(as_whom_it_runs_is_what_the_last_wrapper_says) {
    const std::pair<Words, const char*> table[] = {
        {{"nh"}, ""},
        {{"nice", "nh"}, ""},
        {{"sudo", "nh"}, "root"},
        {{"doas", "nh"}, "root"},
        {{"run0", "nh"}, "root"},
        {{"pkexec", "nh"}, "root"},
        {{"sudo", "-u", "kim", "nh"}, "kim"},
        {{"sudo", "-Eukim", "nh"}, "kim"},
        {{"sudo", "--user=kim", "nh"}, "kim"},
        {{"run0", "--user", "kim", "nh"}, "kim"},
        {{"run0", "-u", "kim", "nh"}, "kim"},
        {{"systemd-run", "--uid", "kim", "nh"}, "kim"},
        {{"systemd-run", "--user", "nh"}, ""}, // of whoever runs us
        {{"sudo", "sudo", "-u", "kim", "nh"}, "kim"},
        {{"sudo", "-u", "kim", "sudo", "nh"}, "root"},
        {{"sudo", "-g", "wheel", "nh"}, "root"}, // a group is none
        {{"env", "-u", "HOME", "nh"}, ""},       // nor is a variable that goes
    };
    for (const auto& [words, user] : table) BOOST_TEST(unwrapped(words).user == user, meant(words) << " " << words[0]);
}

BOOST_AUTO_TEST_CASE(where_it_runs_is_known_too) {
    BOOST_TEST(unwrapped({"sudo", "-D", "/etc/nixos", "nh"}).directory == "/etc/nixos");
    BOOST_TEST(unwrapped({"sudo", "--chdir=/etc/nixos", "nh"}).directory == "/etc/nixos");
    BOOST_TEST(unwrapped({"env", "-C", "/srv", "nh"}).directory == "/srv");
    BOOST_TEST(unwrapped({"systemd-run", "--working-directory", "/srv", "nh"}).directory == "/srv");
    BOOST_TEST(unwrapped({"nice", "nh"}).directory == "");
}

BOOST_AUTO_TEST_CASE(variables_are_set_where_a_wrapper_takes_them_and_the_last_counts) {
    auto command = unwrapped({"env", "NH_FLAKE=/a", "EMPTY=", "X=a=b", "sudo", "NH_FLAKE=/b", "nh", "os", "Y=c"});
    BOOST_TEST(command.program == "nh");
    BOOST_TEST(command.arguments_at == 7U);
    BOOST_TEST(
        (command.variables == std::map<std::string, std::string>{{"EMPTY", ""}, {"NH_FLAKE", "/b"}, {"X", "a=b"}}));
    BOOST_TEST(meant({"nice", "A=b", "nh"}) == "A=b nh");  // takes none
    BOOST_TEST(meant({"env", "./a=b", "nh"}) == "a=b nh"); // the path of a program
    BOOST_TEST(meant({"env", "=b", "nh"}) == "=b nh");
    BOOST_TEST(unwrapped({"env", "--unset=A", "nh"}).variables.empty());
}

BOOST_AUTO_TEST_CASE(what_nix_runs_is_known_by_its_reference) {
    const std::pair<Words, const char*> table[] = {
        {{"nix", "run", "nixpkgs#nh", "--", "os", "switch"}, "nh os switch"},
        {{"nix", "run", "nixpkgs#legacyPackages.x86_64-linux.nh", "--", "os"}, "nh os"},
        {{"nix", "run", "github:nix-community/home-manager/master", "--", "switch"}, "home-manager switch"},
        {{"nix", "run", "home-manager/master?dir=x", "--", "switch"}, "home-manager switch"},
        {{"nix", "run", "github:LnL7/nix-darwin", "--", "switch"}, "darwin-rebuild switch"},
        {{"nix", "run", ".#deploy", "--", "nas"}, "deploy nas"},
        {{"nix", "run", "github:someone/something"}, "nix run"},
        {{"nix", "run"}, "nix run"},
        {{"nix", "--extra-experimental-features", "nix-command flakes", "run", "nixpkgs#nh", "--", "os"}, "nh os"},
        {{"nix", "run", "--option", "cores", "2", "nixpkgs#nh", "--", "os"}, "nh os"},
        {{"nix", "run", "--override-input", "a", "b", "nixpkgs#nh", "--", "os"}, "nh os"},
        {{"nix", "run", "-I", "x=y", "--inputs-from", ".", "nixpkgs#nh", "--", "os"}, "nh os"},
        {{"sudo", "nix", "run", "nixpkgs#nh", "--", "os", "--", "-v"}, "nh os -- -v"},
        {{"nix", "shell", "nixpkgs#nh", "nixpkgs#git", "-c", "nh", "os"}, "nh os"},
        {{"nix", "develop", "--command", "sudo", "nh", "os"}, "nh os"},
        {{"nix", "build", ".#x"}, "nix build .#x"},
        {{"nix"}, "nix"},
    };
    for (const auto& [words, wanted] : table) BOOST_TEST(meant(words) == wanted);
    BOOST_TEST(unwrapped({"sudo", "nix", "run", "nixpkgs#nh", "--", "os"}).user == "root");
}

BOOST_AUTO_TEST_SUITE_END()
