#include "shard/log_entry.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::shard;

namespace {

const std::string drv = "/nix/store/00000000000000000000000000000000-firefox-142.drv";

LogEntry entry() {
    LogEntry entry;
    entry.run = "0123";
    entry.shard = 2;
    entry.number = 7;
    entry.said = LogEntry::Said::finished;
    entry.failed.push_back({.derivation = drv, .name = "firefox-142", .error = "exit code 2", .log_tail = {"a", "b"}});
    return entry;
}

std::string complaint(const std::string& json) {
    auto parsed = parse_log_entry(json, "0123", 2, 7);
    return parsed ? "" : parsed.error().one_line();
}

std::string with(std::string text, const std::string& from, const std::string& to) {
    auto at = text.find(from);
    BOOST_REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

} // namespace

BOOST_AUTO_TEST_SUITE(log_entries)

BOOST_AUTO_TEST_CASE(what_is_told_is_read) {
    auto read = parse_log_entry(to_json(entry()), "0123", 2, 7);
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST((read->said == LogEntry::Said::finished));
    BOOST_REQUIRE(read->failed.size() == 1U);
    BOOST_TEST(read->failed[0].derivation == drv);
    BOOST_TEST(read->failed[0].name == "firefox-142");
    BOOST_TEST(read->failed[0].error == "exit code 2");
    BOOST_TEST(read->failed[0].log_tail == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_one_takes_from_another_is_told_and_read) {
    auto told = entry();
    told.left = std::chrono::seconds(90);
    told.claimed = GivenBuilds{.shard = 3, .derivations = {drv}};
    told.given = {{.shard = 1, .derivations = {drv}}, {.shard = 4, .derivations = {}}};
    auto text = to_json(told);
    auto read = parse_log_entry(text, "0123", 2, 7);
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST((read->left == std::chrono::seconds(90)));
    BOOST_REQUIRE(read->claimed.has_value());
    BOOST_TEST(read->claimed->shard == 3U);
    BOOST_TEST(read->claimed->derivations == std::vector<std::string>{drv}, boost::test_tools::per_element());
    BOOST_REQUIRE(read->given.size() == 2U);
    BOOST_TEST(read->given[0].shard == 1U);
    BOOST_TEST(read->given[0].derivations.size() == 1U);
    BOOST_TEST(read->given[1].derivations.empty());
    BOOST_TEST(
        !complaint(with(text, "\"claimed\":{\"derivations\":[\"" + drv, "\"claimed\":{\"derivations\":[\"x")).empty());
    told.claimed->derivations.assign(LogEntry::most_given + 5, drv);
    BOOST_TEST(parse_log_entry(to_json(told), "0123", 2, 7)->claimed->derivations.size() == LogEntry::most_given);
}

BOOST_AUTO_TEST_CASE(an_entry_of_a_version_that_knew_no_claims_is_read) {
    auto text = to_json(entry());
    BOOST_TEST(text.find("left") == std::string::npos);
    BOOST_TEST(text.find("claimed") == std::string::npos);
    auto read = parse_log_entry(text, "0123", 2, 7);
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST((read->left == std::chrono::seconds(0)));
    BOOST_TEST(!read->claimed.has_value());
    BOOST_TEST(read->given.empty());
}

BOOST_AUTO_TEST_CASE(every_run_shard_and_number_has_a_place_of_its_own) {
    auto path = entry_path("0123", 2, 7);
    BOOST_TEST(path.name() == "cachefill-shard.json");
    BOOST_TEST((entry_path("0123", 2, 7) == path));
    for (const auto& other : {entry_path("0124", 2, 7), entry_path("0123", 3, 7), entry_path("0123", 2, 8)})
        BOOST_TEST((other != path));
}

BOOST_AUTO_TEST_CASE(what_was_told_elsewhere_is_not_believed_here) {
    auto text = to_json(entry());
    for (const auto& other : {parse_log_entry(text, "0124", 2, 7), parse_log_entry(text, "0123", 3, 7),
                              parse_log_entry(text, "0123", 2, 8)}) {
        BOOST_REQUIRE(!other.has_value());
        BOOST_TEST(other.error().one_line().find("another run, shard or number") != std::string::npos);
        BOOST_TEST((other.error().kind() == FailureKind::protocol));
    }
}

BOOST_AUTO_TEST_CASE(nonsense_is_a_failure) {
    auto text = to_json(entry());
    BOOST_TEST(complaint("").find("what shard 2 says cannot be read") == 0U);
    BOOST_TEST(!complaint("{}").empty());
    BOOST_TEST(!complaint("[1, 2]").empty());
    BOOST_TEST(!complaint(text.substr(0, text.size() / 2)).empty());
    BOOST_TEST(complaint(with(text, "\"cachefill_shard\":1", "\"cachefill_shard\":2")).find("format") !=
               std::string::npos);
    BOOST_TEST(complaint(with(text, "\"finished\"", "\"sleeping\"")).find("not known here") != std::string::npos);
    BOOST_TEST(!complaint(with(text, drv, "/etc/passwd")).empty());
    BOOST_TEST(!complaint(with(text, "\"number\":7", "\"number\":\"7\"")).empty());
}

BOOST_AUTO_TEST_CASE(what_was_built_is_told_and_read) {
    auto told = entry();
    BOOST_TEST(add_done(
        told, {.derivation = drv, .name = "firefox-142", .platform = "x86_64-linux", .took = std::chrono::minutes(3)}));
    auto text = to_json(told);
    auto read = parse_log_entry(text, "0123", 2, 7);
    BOOST_REQUIRE(read.has_value());
    BOOST_REQUIRE(read->done.size() == 1U);
    BOOST_TEST(read->done[0].derivation == drv);
    BOOST_TEST(read->done[0].name == "firefox-142");
    BOOST_TEST(read->done[0].platform == "x86_64-linux");
    BOOST_TEST((read->done[0].took == std::chrono::minutes(3)));
    BOOST_TEST(complaint(with(text, "\"ms\":180000", "\"ms\":-1")).find("less than no time") != std::string::npos);
    BOOST_TEST(!complaint(with(text, "\"ms\":180000", "\"ms\":\"long\"")).empty());
}

BOOST_AUTO_TEST_CASE(what_is_too_much_for_one_entry_is_for_the_next) {
    auto full = entry();
    FailedBuild loud = full.failed[0];
    loud.log_tail.assign(100, std::string(10'000, '\x01')); // six bytes of JSON each
    while (add_failed(full, loud)) {
    }
    BOOST_TEST(full.failed.size() > 2U);
    FailedBuild quiet = entry().failed[0];
    auto quiet_ones = entry();
    while (add_failed(quiet_ones, quiet)) {
    }
    BOOST_TEST(quiet_ones.failed.size() == LogEntry::most_failures);
    DoneBuild done{.derivation = "/nix/store/00000000000000000000000000000000-" + std::string(207, 'x') + ".drv",
                   .name = std::string(207, 'x'),
                   .platform = "x86_64-linux",
                   .took = std::chrono::hours(1000)};
    while (add_done(full, done)) {
    }
    BOOST_TEST(full.done.size() == LogEntry::most_done);
    BOOST_TEST(to_json(full).size() < LogEntry::largest);
    BOOST_TEST(parse_log_entry(to_json(full), "0123", 2, 7).has_value());
}

BOOST_AUTO_TEST_CASE(of_what_failed_the_last_lines_are_told_and_what_they_say_is_clean) {
    auto much = entry();
    much.failed[0].log_tail.assign(100, std::string(10'000, 'x'));
    much.failed[0].error = "\x1b[31mred\x1b[0m";
    auto read = parse_log_entry(to_json(much), "0123", 2, 7);
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(read->failed[0].log_tail.size() == LogEntry::most_log_lines);
    BOOST_TEST(read->failed[0].log_tail[0].size() < LogEntry::longest_line + 5); // and the sign that it is cut
    BOOST_TEST(read->failed[0].error == "red");
}

BOOST_AUTO_TEST_SUITE_END()
