// Whatever stands behind an option: it is taken or refused, and what is said of it harms nobody.
#include "options/option_values.hpp"
#include "options/options.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::options;

namespace {

const std::vector<std::string>& hostile_values() {
    static const std::vector<std::string> values{
        " ",
        "-",
        "--",
        ",",
        ":",
        "=",
        "a=b=c",
        "*",
        "!",
        "..",
        "/",
        "~",
        "0",
        "-1",
        "18446744073709551616",
        "99999999999999999999d",
        "1e9",
        "NaN",
        "true",
        "null",
        "\x1b[31mred",
        "a\nb",
        "a\rb",
        std::string("a\0b", 3),
        "\xff\xfe",
        "\u202egnp.exe",
        "${{ secrets.TOKEN }}",
        "$(id)",
        "https://",
        "https://kim:s3cret@host/a?token=s3cret",
        "https://host/a?push=https://kim:s3cret@other",
        "kim:s3cret@host",
        "file://",
        "cachix://",
        "a" + std::string(5'000, 'x'),
        "x86_64-linux:" + std::string(5'000, 'x'),
    };
    return values;
}

// What somebody would read of it, and what may not be in there.
void check_harmless(const Failure& failure, const std::string& key) {
    BOOST_TEST((failure.kind() == FailureKind::usage), key);
    auto text = render(failure) + failure.one_line();
    BOOST_TEST(text.find("s3cret") == std::string::npos, key);
    BOOST_TEST(text.find('\x1b') == std::string::npos, key);
    BOOST_TEST(text.find("\u202e") == std::string::npos, key);
    BOOST_TEST(text.find('\0') == std::string::npos, key);
    BOOST_TEST(text.size() < 2'000U, key << " says " << text.size() << " bytes");
    BOOST_TEST(!failure.cause().empty(), key);
    BOOST_TEST(failure.cause().find('\n') == std::string::npos, key << ": a value makes a line of its own");
}

} // namespace

BOOST_AUTO_TEST_SUITE(hostile_option_values)

BOOST_AUTO_TEST_CASE(what_an_option_refuses_is_told_shortly_and_harmlessly) {
    std::size_t refused = 0, taken = 0;
    for (const auto& option : option_table())
        for (const auto& value : hostile_values()) {
            Settings settings;
            auto applied = option.apply(settings, {value});
            applied ? ++taken : ++refused;
            if (!applied) check_harmless(applied.error(), option.key);
        }
    BOOST_TEST(refused > 1'000U);
    BOOST_TEST(taken > 100U);
}

BOOST_AUTO_TEST_CASE(several_values_are_no_better_than_the_worst_of_them) {
    for (const auto& option : option_table()) {
        if (option.type != OptionType::list && option.type != OptionType::table) continue;
        if (option.key == "cache") continue; // where it is read and where it is filled are no list
        std::vector<std::string> good, bad;
        for (const auto& value : hostile_values()) {
            Settings alone;
            (option.apply(alone, {value}) ? good : bad).push_back(value);
        }
        if (good.empty()) continue;
        for (const auto& value : bad) {
            Settings among;
            BOOST_TEST(!option.apply(among, {good.front(), value}).has_value(), option.key);
            BOOST_TEST(!option.apply(among, {value, good.front()}).has_value(), option.key);
        }
    }
}

BOOST_AUTO_TEST_CASE(of_a_single_value_the_last_that_was_given_counts) {
    for (const auto& option : option_table()) {
        if (option.type != OptionType::toggle) continue;
        Settings twice, once;
        BOOST_TEST(option.apply(twice, {"false", "true"}).has_value(), option.key);
        BOOST_TEST(option.apply(once, {"true"}).has_value(), option.key);
        BOOST_TEST(!option.apply(twice, {"true", "yes"}).has_value(), option.key);
        BOOST_TEST(!option.apply(twice, {"True"}).has_value(), option.key);
    }
    Settings settings;
    BOOST_TEST(find_option("uploads")->apply(settings, {"3", "4"}).has_value());
    BOOST_TEST(settings.uploads == 4U);
}

BOOST_AUTO_TEST_CASE(numbers_end_where_it_is_said) {
    struct Row {
        const char* key;
        const char *least, *most, *too_little, *too_much;
    };
    for (const auto& row : {Row{"uploads", "1", "256", "0", "257"}, Row{"compression-level", "1", "19", "0", "20"},
                            Row{"max-reruns", "0", "50", "-1", "51"}}) {
        Settings settings;
        const auto* option = find_option(row.key);
        BOOST_TEST(option->apply(settings, {row.least}).has_value(), row.key);
        BOOST_TEST(option->apply(settings, {row.most}).has_value(), row.key);
        BOOST_TEST(!option->apply(settings, {row.too_little}).has_value(), row.key);
        auto refused = option->apply(settings, {row.too_much});
        BOOST_REQUIRE(!refused);
        BOOST_TEST(refused.error().cause() == "'" + std::string(row.too_much) +
                                                  "' is not usable here; expected a number from " + row.least + " to " +
                                                  row.most);
    }
}

BOOST_AUTO_TEST_CASE(a_name_that_is_no_option_is_none) {
    for (const auto* key : {"", "hots", "--hosts", "Hosts", "upstreams", "upstreams.", "upstreams-from-hosts"})
        BOOST_TEST(find_option(key) == nullptr, key);
    BOOST_REQUIRE(find_option("upstreams.from-hosts") != nullptr);
    const auto& option = *find_option("upstreams.from-hosts");
    BOOST_TEST(option.flag() == "--upstreams-from-hosts");
    BOOST_TEST(option.variable() == "CACHEFILL_UPSTREAMS_FROM_HOSTS");
    BOOST_TEST(option.variable("CACHEFILL_INPUT_") == "CACHEFILL_INPUT_UPSTREAMS_FROM_HOSTS");
    BOOST_TEST(option.short_flag() == "");
    BOOST_TEST(find_option("dry-run")->short_flag() == "-n");
}

BOOST_AUTO_TEST_CASE(short_letters_stand_for_one_option_of_a_command) {
    for (auto command : command_list()) {
        std::map<std::string, std::string> letters;
        for (const auto& option : option_table()) {
            if (!(option.commands & bit(command)) || option.short_flag().empty()) continue;
            auto [at, is_new] = letters.emplace(option.short_flag(), option.key);
            BOOST_TEST(is_new, to_string(command)
                                   << ": " << option.short_flag() << " is " << at->second << " and " << option.key);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
