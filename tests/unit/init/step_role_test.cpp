#include "init/garnix.hpp"
#include "init/line_diff.hpp"
#include "init/step_role.hpp"
#include "init/yaml_text.hpp"
#include "options/yaml.hpp"

#include <boost/test/unit_test.hpp>
#include <yaml-cpp/yaml.h>

using namespace cachefill::init;
using Lines = std::vector<std::string>;

namespace {

StepRole used(const char* action) { return role_of(action, {}); }
StepRole ran(const std::string& script) { return role_of("", script_lines(script)); }

} // namespace

BOOST_AUTO_TEST_SUITE(step_roles)

BOOST_AUTO_TEST_CASE(an_action_is_known_by_its_name_whatever_its_version) {
    const std::pair<const char*, StepRole> table[] = {
        {"cachix/cachix-action@v15", StepRole::cache},
        {"Cachix/Cachix-Action@0123456789abcdef0123456789abcdef01234567", StepRole::cache},
        {"ryanccn/attic-action@main", StepRole::cache},
        {"cachix/install-nix-action@v31", StepRole::installer},
        {"DeterminateSystems/nix-installer-action@main", StepRole::installer},
        {"jlumbroso/free-disk-space@v1", StepRole::disk},
        {"docker/setup-qemu-action@v3", StepRole::emulation},
        {"nix-community/cache-nix-action@v6", StepRole::store_archive},
        {"nix-community/cache-nix-action/restore@v6", StepRole::store_archive}, // a folder of it
        {"DeterminateSystems/update-flake-lock", StepRole::update},
        {"slackapi/slack-github-action@v2", StepRole::notice},
        {"actions/checkout@v4", StepRole::ours_to_see},
        {"stranger/cachix-action@v1", StepRole::ours_to_see},
        {"cachix/cachix-action-fork@v1", StepRole::ours_to_see},
        {"./.github/actions/cachix/cachix-action", StepRole::ours_to_see},
        {"", StepRole::ours_to_see},
    };
    for (auto [action, role] : table) BOOST_TEST((used(action) == role), action);
}

BOOST_AUTO_TEST_CASE(a_script_is_known_by_what_it_runs) {
    const std::pair<const char*, StepRole> table[] = {
        {"cachix push team ./result", StepRole::cache},
        {"nix build .#x --print-out-paths | cachix push team", StepRole::cache}, // that it pushes decides
        {"nix copy --to s3://bucket ./result", StepRole::cache},
        {"nix copy --from https://a --to ssh://b x", StepRole::cache},
        {"nix copy --from https://a x", StepRole::ours_to_see},
        {"attic login ci https://a $TOKEN", StepRole::cache},
        {"nix flake update --commit-lock-file", StepRole::update},
        {"nix flake lock --update-input nixpkgs", StepRole::update},
        {"nix flake check --all-systems", StepRole::check},
        {"nix-store --verify --check-contents", StepRole::store_archive},
        {"curl -d @- https://discord.com/api/webhooks/1/2", StepRole::notice},
        {"sh <(curl -L https://nixos.org/nix/install) --daemon", StepRole::installer},
        {"curl https://install.determinate.systems/nix | sh", StepRole::installer},
        {"sudo rm -rf /usr/share/dotnet /opt/ghc", StepRole::disk},
        {"rm -rf ./result", StepRole::ours_to_see},
        {"sudo swapon /swapfile", StepRole::disk},
        {"apt-get install -y ca-certificates", StepRole::certificates},
        {"nix build .#nixosConfigurations.nas.config.system.build.toplevel", StepRole::build},
        {"nix-build -A x", StepRole::build},
        {"nh os build .", StepRole::build},
        {"nixos-rebuild build --flake .#nas", StepRole::build},
        {"nixos-rebuild switch", StepRole::ours_to_see},
        {"echo cachixpush", StepRole::ours_to_see},
        {"# cachix push team", StepRole::ours_to_see},
        {"nix \\\n  build .#x", StepRole::build}, // over two lines
        {"", StepRole::ours_to_see},
    };
    for (auto [script, role] : table) BOOST_TEST((ran(script) == role), script);
}

BOOST_AUTO_TEST_CASE(what_is_done_by_cachefill_too_is_taken_over_and_what_prepares_is_not) {
    for (auto role : {StepRole::cache, StepRole::build, StepRole::store_archive, StepRole::notice, StepRole::check,
                      StepRole::update, StepRole::certificates})
        BOOST_TEST(is_taken_over(role));
    for (auto role : {StepRole::installer, StepRole::disk, StepRole::emulation, StepRole::ours_to_see})
        BOOST_TEST(!is_taken_over(role));
}

BOOST_AUTO_TEST_CASE(lines_that_go_on_are_one_and_comments_are_none) {
    BOOST_TEST(script_lines("a\n\n  # no\n  b \\\n    c\\\n  d\ne # f\n") == (Lines{"a", "b  c d", "e # f"}),
               boost::test_tools::per_element());
    BOOST_TEST(script_lines("").empty());
    BOOST_TEST(script_lines("a \\") == Lines{"a "}, boost::test_tools::per_element());
    // Within a command what looks like a comment belongs to it.
    BOOST_TEST(script_lines("a \\\n# b\nc") == (Lines{"a  # b", "c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_hostile_script_is_read_soon) {
    std::string endless;
    for (int i = 0; i < 20'000; ++i) endless += "nix copy -a 1 \\\n";
    auto lines = script_lines(endless);
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0].size() < 4000U);
    BOOST_TEST((role_of("", lines) == StepRole::ours_to_see));
    BOOST_TEST(!word_after({"cachix push " + std::string(3'000, '-')}, "cachix push").value_or("").empty());
}

BOOST_AUTO_TEST_CASE(the_word_behind_a_command_is_found_past_its_options) {
    const std::pair<const char*, const char*> table[] = {
        {"cachix push team", "team"},
        {"cachix push -j4 team ./result", "team"},
        {"cachix push --jobs 8 --compression-level 3 team", "team"},
        {"cachix push \"my team\" x", "my team"},
        {"cachix push '' x", ""},
        {"cachix push 'a b' x", "a b"},
        {"x | cachix push team; y", "team"},
        {"cachix push team|cat", "team"},
        {"cachix pushteam", "-"},
        {"cachix push", "-"},
        {"cachix push ;", "-"},
    };
    for (auto [line, word] : table) BOOST_TEST(word_after({line}, "cachix push").value_or("-") == word, line);
    BOOST_TEST(word_after({"a", "cachix push one", "cachix push two"}, "cachix push").value() == "one");
    BOOST_TEST(word_after({"nix build --max-jobs=4"}, "--max-jobs").value() == "4");
}

BOOST_AUTO_TEST_CASE(every_text_is_read_back_from_yaml_as_it_was) {
    for (const std::string text : {"plain",
                                   "main",
                                   "release/24.05",
                                   "a b",
                                   "",
                                   "-",
                                   "true",
                                   "Yes",
                                   "NO",
                                   "null",
                                   "y",
                                   "1.0",
                                   "0x10",
                                   "12",
                                   "~",
                                   "#a",
                                   "a #b",
                                   "a: b",
                                   "[a]",
                                   "{a}",
                                   "*a",
                                   "&a",
                                   "!a",
                                   "|",
                                   ">",
                                   "%a",
                                   "@a",
                                   "`a",
                                   "'a'",
                                   "\"a\"",
                                   "a\\b",
                                   "${{ secrets.X }}",
                                   "größe",
                                   "a\nb",
                                   "---\na: b",
                                   "\ttab",
                                   "bell\a",
                                   "\x7f",
                                   " a ",
                                   "a,b"}) {
        auto node =
            cachefill::options::load_yaml("key: " + yaml(text) + "\nlist: " + yaml_list({text, "x", text}) + "\n");
        BOOST_TEST(node["key"].as<std::string>("") == text);
        BOOST_REQUIRE(node["list"].size() == 3U);
        BOOST_TEST(node["list"][2].as<std::string>("") == text);
        // What is no text to YAML stands in quotes, so that it stays one.
        if (text != "plain" && text != "main" && text != "release/24.05") BOOST_TEST(yaml(text).front() == '"', text);
    }
    BOOST_TEST(yaml("release/24.05") == "release/24.05");
    BOOST_TEST(yaml_list({}) == "[]");
}

BOOST_AUTO_TEST_CASE(garnix_takes_what_it_includes_and_does_not_exclude) {
    auto rules = read_garnix("builds:\n  include: ['packages.*.*', 'nixosConfigurations.n?s']\n"
                             "  exclude: ['packages.*.big-*']\n")
                     .value();
    BOOST_TEST(rules.takes({"packages", "x86_64-linux", "hello"}));
    BOOST_TEST(!rules.takes({"packages", "x86_64-linux", "big-one"}));
    BOOST_TEST(rules.takes({"nixosConfigurations", "nas"}));
    BOOST_TEST(!rules.takes({"nixosConfigurations", "nasa"}));
    BOOST_TEST(!rules.takes({"packages", "x86_64-linux"})); // a glob stands for one part
    BOOST_TEST(!rules.takes({}));
    for (const auto* odd : {"[]", "a", "builds: 7", "builds: [a, [b], {include: c}]"}) {
        auto read = read_garnix(odd);
        BOOST_TEST(read.has_value(), odd);
        if (read) BOOST_TEST(read->takes({"nixosConfigurations", "nas"}), odd); // as without a file
    }
    for (const auto* broken : {"builds: [", "builds:\n  include: {a: b}\n", "a: &a [*a]", "\t- x", "a: *b"})
        BOOST_TEST(!read_garnix(broken), broken);
}

BOOST_AUTO_TEST_SUITE_END()
