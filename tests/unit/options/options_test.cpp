#include "base/files.hpp"
#include "options/options.hpp"
#include "options/settings.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace cachefill;
using namespace cachefill::options;

namespace {

std::string documentation() { return read_file(std::string(CACHEFILL_DOCS) + "/configuration.md").value(); }

// The row of a table that documents this option.
std::string row_of(const std::string& text, const Option& option) {
    auto start = text.find("| `" + (option.in_config() ? option.key : option.flag()) + "` |");
    return start == std::string::npos ? std::string() : text.substr(start, text.find('\n', start) - start);
}

const std::vector<std::string>& good_values(const std::string& key) {
    static const std::map<std::string, std::vector<std::string>> special{
        {"impure", {"never"}},
        {"color", {"always"}},
        {"kind", {"home"}},
        {"check", {"flake"}},
        {"fail-on", {"build"}},
        {"eval-timeout", {"45m"}},
        {"max-silent", {"90s"}},
        {"build-timeout", {"5h30m"}},
        {"retry-budget", {"2m"}},
        {"deadline", {"5h"}},
        {"trusted-public-keys", {"k-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="}},
        {"wait-for-caches", {"10m"}},
        {"min-free", {"5G"}},
        {"memory", {"300M"}},
        {"size-budget", {"1T"}},
        {"compression-level", {"19"}},
        {"on-deadline", {"rerun"}},
        {"notify.from", {"error"}},
        {"notify.format", {"slack"}},
        {"push.scope", {"all"}},
        {"push.on-battery", {"wait"}},
        {"push.metered", {"wait"}},
        {"systems", {"aarch64-darwin"}},
        {"runners", {"aarch64-linux:ubuntu-24.04-arm"}},
        {"since", {"3d"}},
        {"push.caches", {"nas=https://nas.example/cache,token-file=/run/token,optional"}},
        {"state-directory", {"/var/lib/cachefill"}},
    };
    static const std::vector<std::string> number{"7"};
    auto it = special.find(key);
    return it != special.end() ? it->second : number;
}

} // namespace

BOOST_AUTO_TEST_SUITE(options)

BOOST_AUTO_TEST_CASE(every_option_is_documented_with_flag_and_meaning) {
    auto text = documentation();
    for (const auto& option : option_table()) {
        auto row = row_of(text, option);
        BOOST_TEST(!row.empty(), option.key << " is missing in docs/configuration.md");
        BOOST_TEST(row.find("`" + option.form() + "`") != std::string::npos,
                   option.key << ": the flag is not told as it is");
        BOOST_TEST(row.find(option.help) != std::string::npos,
                   option.key << ": the help is another one: " << option.help);
    }
}

BOOST_AUTO_TEST_CASE(letters_are_documented) {
    auto text = documentation();
    for (const auto& option : option_table())
        if (!option.short_flag().empty()) {
            auto is = "`" + option.short_flag() + "` is ", its = "`" + option.flag() + "`";
            BOOST_TEST((text.find(is + its) != std::string::npos || text.find(": " + its + ")") != std::string::npos),
                       option.key);
        }
}

BOOST_AUTO_TEST_CASE(the_documentation_says_where_each_value_may_come_from) {
    auto text = documentation();
    for (const auto& option : option_table()) {
        auto row = row_of(text, option);
        BOOST_TEST(row.find(" | " + option.where_from() + " | ") != std::string::npos,
                   option.key << ": not '" << option.where_from() << "' in " << row);
    }
}

BOOST_AUTO_TEST_CASE(a_login_is_refused_where_no_address_belongs) {
    // What takes one hides it by itself, so an option that is added is thought about twice.
    const std::set<std::string> taking{"cache", "also-push", "upstream", "push.caches",
                                       "store", "flake",     "action",   "needs"};
    for (const auto& option : option_table()) {
        BOOST_TEST((option.login == Login::taken) == (taking.count(option.key) == 1), option.key);
        for (const std::string value : {"https://kim:s3cret@host/x", "https://kim:a/s3cret@host"}) {
            Settings settings;
            auto applied = option.apply(settings, {value});
            auto said = applied ? std::string() : render(applied.error());
            BOOST_TEST(said.find("s3cret") == std::string::npos, option.key);
            bool is_refused = said.find("an address with a login in it is not usable here") != std::string::npos;
            BOOST_TEST(is_refused == (option.login == Login::refused), option.key);
        }
    }
}

// What a stranger may decide is written down here once more: an option that is added, or moved, is thought about twice.
BOOST_AUTO_TEST_CASE(what_the_flakes_own_file_may_decide_is_a_closed_list) {
    const std::set<std::string> harmless{"also",
                                         "bell",

                                         "workflow",
                                         "eval-jobs",
                                         "eval-timeout",

                                         "fresh",
                                         "jobs",
                                         "cores",
                                         "max-silent",
                                         "build-timeout",

                                         "defer",
                                         "min-free",
                                         "uploads",
                                         "upstreams.ignore",
                                         "memory",
                                         "push.metered",
                                         "compression-level",
                                         "pins.branches",
                                         "pins.keep",
                                         "manifest",
                                         "deadline",
                                         "stop-when-superseded",
                                         "substituter",
                                         "retry-budget",
                                         "build-unknown",
                                         "push.on-battery",
                                         "wait-for-caches",
                                         "shard-patience",
                                         "offline",

                                         "notify.format"};
    // With the values that may stand there all the same, because nothing is looser than it is by default.
    const std::map<std::string, std::vector<std::string>> guarded{{"upstream", {}},
                                                                  {"upstreams.count-given", {"false"}},
                                                                  {"trusted-public-keys", {}},
                                                                  {"impure", {"never", "auto"}},
                                                                  {"accept-flake-config", {"false"}},
                                                                  {"confine-evaluation", {"true"}},
                                                                  {"also-push", {}},
                                                                  {"push-foreign", {"false"}},
                                                                  {"allow-source", {"false"}},
                                                                  {"push.scope", {"system"}},
                                                                  {"push.users", {}},
                                                                  {"push.caches", {}},
                                                                  {"retroactive", {"false"}},
                                                                  {"on-deadline", {"stop"}},
                                                                  {"max-reruns", {}},
                                                                  {"fail-on", {}},
                                                                  {"notify.from", {"notice"}},
                                                                  {"state-directory", {}}};
    // What makes less of a run, and so may make a red one green.
    const std::set<std::string> lessening{"hosts",
                                          "evaluate-only",
                                          "systems",
                                          "read-only",
                                          "exclude-push",
                                          "size-budget",
                                          "runners",
                                          "check",
                                          "require-all",
                                          "import-from-derivation",
                                          "upstreams.from-hosts",
                                          "strict-trust",
                                          "deep"};
    for (const auto& option : option_table()) {
        auto it = guarded.find(option.key);
        if (lessening.contains(option.key))
            BOOST_TEST((option.where == Where::merged),
                       option.key << " makes less of a run, or of what is wrong with it: W::merged");
        else if (option.key == "cache")
            BOOST_TEST((option.where == Where::looking));
        else if (!option.in_config())
            BOOST_TEST((option.where == Where::flag));
        else if (it == guarded.end())
            BOOST_TEST((option.where == Where::anywhere && harmless.contains(option.key)),
                       option.key << ": may a stranger's cachefill.yml decide it? Then it is W::anywhere and one of "
                                     "`harmless`; else one of `guarded` (W::outside) or `lessening` (W::merged)");
        else
            BOOST_TEST((option.where == Where::outside && option.anywhere_if == it->second),
                       option.key << " is decided outside of the flake (W::outside), but for the values named here");
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_documented_that_does_not_exist) {
    auto text = documentation();
    std::set<std::string> names;
    for (const auto& option : option_table()) names.insert(option.in_config() ? option.key : option.flag());
    for (std::size_t at = text.find("\n| `"); at != std::string::npos; at = text.find("\n| `", at + 1)) {
        auto name = text.substr(at + 4, text.find('`', at + 4) - at - 4);
        BOOST_TEST(names.contains(name), name << " is documented, but is no option");
    }
}

BOOST_AUTO_TEST_CASE(keys_and_flags_are_unique) {
    std::set<std::string> flags;
    for (const auto& option : option_table()) {
        BOOST_TEST(flags.insert(option.flag()).second);
        if (option.type == OptionType::toggle) BOOST_TEST(flags.insert("--no-" + option.flag().substr(2)).second);
        BOOST_TEST(find_option(option.key) == &option);
    }
}

BOOST_AUTO_TEST_CASE(each_option_takes_what_its_help_says_and_refuses_what_it_cannot_use) {
    for (const auto& option : option_table()) {
        Settings settings;
        auto good = option.type == OptionType::toggle ? std::vector<std::string>{"true"} : good_values(option.key);
        BOOST_TEST(option.apply(settings, good).has_value(),
                   option.key << " refuses " << good[0] << ", which good_values() has for it");
        auto refused = option.apply(settings, {""});
        BOOST_TEST(!refused.has_value(), option.key << " takes nothing");
        if (!refused) BOOST_TEST((refused.error().kind() == FailureKind::usage));
    }
}

BOOST_AUTO_TEST_CASE(what_github_would_evaluate_is_no_label_of_a_runner) {
    Settings settings;
    for (const auto* value : {"x86_64-linux:${{ secrets.TOKEN }}", "x86_64-linux:a\n  - run: b", "${{x}}-linux:a"})
        BOOST_TEST(!find_option("runners")->apply(settings, {value}).has_value(), value);
    BOOST_TEST(find_option("runners")->apply(settings, {"x86_64-linux:big one"}).has_value());
}

BOOST_AUTO_TEST_CASE(impossible_numbers_sizes_and_times_are_refused_with_what_is_expected) {
    Settings settings;
    auto refused = [&](const char* key, const char* value) {
        auto applied = find_option(key)->apply(settings, {value});
        BOOST_REQUIRE_MESSAGE(!applied, key << " takes " << value);
        return applied.error().cause();
    };
    BOOST_TEST(refused("uploads", "0") == "'0' is not usable here; expected a number from 1 to 256");
    BOOST_TEST(refused("uploads", "257").find("1 to 256") != std::string::npos);
    BOOST_TEST(refused("uploads", "-1").find("a number") != std::string::npos);
    BOOST_TEST(refused("deadline", "soon").find("90s, 45m or 5h30m") != std::string::npos);
    BOOST_TEST(refused("memory", "5 apples").find("300M") != std::string::npos);
    BOOST_TEST(refused("impure", "maybe").find("always, auto, never") != std::string::npos);
    BOOST_TEST(refused("read-only", "yes").find("true or false") != std::string::npos);
    BOOST_TEST(refused("fail-on", "rain").find("evaluate, build") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(fail_on_none_makes_nothing_fail_but_only_alone) {
    Settings settings;
    BOOST_TEST(find_option("fail-on")->apply(settings, {"none"}).has_value());
    BOOST_TEST(settings.fail_on.empty());
    BOOST_TEST(!find_option("fail-on")->apply(settings, {"none", "build"}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
