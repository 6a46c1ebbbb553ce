#include "base/files.hpp"
#include "golden_text.hpp"
#include "report/columns.hpp"
#include "report/shards.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::report;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

std::string drv(const std::string& name) { return "/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-" + name + ".drv"; }

ShardPlan::Build build(const std::string& name, std::chrono::milliseconds expected, bool is_copy = false) {
    return {.derivation = drv(name),
            .name = name,
            .kind = "compile",
            .expected = expected,
            .measured = true,
            .is_copy = is_copy};
}

ShardPlan three_shards() {
    ShardPlan plan;
    plan.most_shards = 20;
    plan.slots = 4;
    plan.builds = 7;
    plan.unmeasured = 2;
    plan.copied = plan.copies = 1;
    plan.handovers = 3;
    plan.ends = 40min;
    plan.bound = 38min;
    plan.work = 95min;
    ShardPlan::Shard first{.number = 1,
                           .machine = "x86_64-linux",
                           .runs_on = {"ubuntu-24.04"},
                           .ends = 40min,
                           .work = 61min,
                           .builds = {build("hosts", 100ms), build("firefox-142.0.1", 38min),
                                      build("glibc-2.40", 12min),
                                      build("a-package-with-a-name-that-goes-on-and-on-for-ever-1.0", 11min)},
                           .awaited = {{drv("icu-77"), "icu-77", 2}, {drv("mesa-25"), "mesa-25", 2}}};
    ShardPlan::Shard second{.number = 2,
                            .machine = "x86_64-linux",
                            .runs_on = {"ubuntu-24.04"},
                            .ends = 31min,
                            .work = 31min,
                            .builds = {build("hosts", 100ms, true), build("icu-77", 20min), build("mesa-25", 11min)},
                            .awaited = {}};
    ShardPlan::Shard third{.number = 3,
                           .machine = "aarch64-linux+kvm",
                           .runs_on = {"self-hosted", "arm", "kvm"},
                           .ends = 3min,
                           .work = 3min,
                           .builds = {build("vm-test-1.0", 3min)},
                           .awaited = {{drv("icu-77"), "icu-77", 2}}};
    plan.shards = {first, second, third};
    plan.nobodys = {build("firmware-1.0", 60s)};
    plan.wanted_machines = {"a riscv64-linux machine"};
    return plan;
}

} // namespace

BOOST_AUTO_TEST_SUITE(shards)

BOOST_AUTO_TEST_CASE(a_person_reads_who_builds_what_and_waits_for_whom_in_80_columns) {
    auto text = shards_text(three_shards(), 80);
    test::check_golden("shards.txt", text);
    for (std::size_t start = 0, end; (end = text.find('\n', start)) != std::string::npos; start = end + 1)
        BOOST_TEST(columns(text.substr(start, end - start)) <= 80U, text.substr(start, end - start));
}

BOOST_AUTO_TEST_CASE(many_others_are_named_as_far_as_the_line_goes) {
    auto plan = three_shards();
    for (std::size_t other = 2; other <= 40; ++other)
        for (std::size_t paths = 0; paths < other; ++paths) plan.shards[0].awaited.push_back({drv("x"), "x", other});
    auto text = shards_text(plan, 80);
    BOOST_TEST(text.find("waits for 40 paths of shard 40, 39 of 39, 38 of 38") != std::string::npos, text);
    for (std::size_t start = 0, end; (end = text.find('\n', start)) != std::string::npos; start = end + 1)
        BOOST_TEST(columns(text.substr(start, end - start)) <= 80U, text.substr(start, end - start));
}

BOOST_AUTO_TEST_CASE(a_summary_has_a_row_for_each_shard_and_foreign_names_stay_text) {
    auto plan = three_shards();
    plan.shards[1].builds.push_back(build("**<b>|x", 1h));
    test::check_golden("shards.md", shards_markdown(plan));
    BOOST_TEST(shards_markdown({}) == "- nothing is missing: no shard is needed\n");
    plan.shards.clear();
    BOOST_TEST(shards_markdown(plan).find("7 derivations for the last job alone") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_missing_is_no_shard_and_a_matrix_to_skip) {
    BOOST_TEST(shards_text({}, 80) == "nothing is missing: no shard is needed\n");
    BOOST_TEST(shards_matrix({}).value() == empty_matrix);
}

BOOST_AUTO_TEST_CASE(a_matrix_has_a_row_for_each_shard_and_what_runs_on_takes) {
    auto matrix = shards_matrix(three_shards()).value();
    BOOST_TEST(matrix.find('\n') == std::string::npos);
    auto rows = Json::parse(matrix)["include"];
    BOOST_REQUIRE(rows.size() == 3U);
    BOOST_TEST(rows[0]["shard"] == 1);
    BOOST_TEST(rows[0]["shards"] == 3);
    BOOST_TEST(rows[0]["runs-on"] == "ubuntu-24.04");
    BOOST_TEST(rows[0]["machine"] == "x86_64-linux");
    BOOST_TEST(rows[0]["expected"] == "40 min 00 s");
    BOOST_TEST(rows[2]["runs-on"] == Json::array({"self-hosted", "arm", "kvm"}));
}

BOOST_AUTO_TEST_CASE(a_matrix_that_github_would_refuse_is_a_failure) {
    auto plan = three_shards();
    plan.shards.resize(256, plan.shards[2]);
    BOOST_TEST(shards_matrix(plan).has_value());
    for (auto& shard : plan.shards) shard.runs_on = {std::string(5000, 'x')};
    auto refused = shards_matrix(plan);
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(refused.error().cause().find("GitHub takes 1 MiB") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_document_is_versioned_and_has_owners_copies_and_what_is_awaited) {
    auto json = Json::parse(shards_json(three_shards()));
    BOOST_TEST(json["version"] == 1);
    BOOST_TEST(json["ends_ms"] == 40 * 60 * 1000);
    BOOST_TEST(json["shards"][1]["builds"][0]["copy"] == true);
    BOOST_TEST(json["shards"][1]["builds"][1]["derivation"] == drv("icu-77"));
    BOOST_TEST(json["shards"][0]["awaits"][0]["shard"] == 2);
    BOOST_TEST(json["on_no_shard"][0]["name"] == "firmware-1.0");
    BOOST_TEST(json["wanted_machines"][0] == "a riscv64-linux machine");
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back_whole) {
    auto text = shards_json(three_shards());
    auto read = parse_shards(text);
    BOOST_REQUIRE_MESSAGE(read, (read ? "" : read.error().one_line()));
    BOOST_TEST(shards_json(*read) == text);
    auto empty = parse_shards(shards_json(ShardPlan()));
    BOOST_REQUIRE(empty);
    BOOST_TEST(empty->shards.empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_such_document_is_refused) {
    auto changed = [](auto change) {
        auto json = Json::parse(shards_json(three_shards()));
        change(json);
        return parse_shards(json.dump());
    };
    BOOST_TEST(!parse_shards("[]"));
    BOOST_TEST(!changed([](Json& json) { json["version"] = 2; }));
    BOOST_TEST(!changed([](Json& json) { json.erase("slots"); }));
    BOOST_TEST(!changed([](Json& json) { json["shards"][0]["shard"] = 2; }));
    BOOST_TEST(!changed([](Json& json) { json["shards"][0]["awaits"][0]["shard"] = 4; }));
    BOOST_TEST(changed([](Json& json) { json["shards"][0]["awaits"][0]["shard"] = 3; }).has_value());
    auto named = changed([](Json& json) { json["shards"][0]["machine"] = "\x1b[31mred"; });
    BOOST_REQUIRE(named);
    BOOST_TEST(named->shards[0].machine == "red"); // as it will be shown
}

BOOST_AUTO_TEST_CASE(every_key_of_the_document_is_documented) {
    std::string text = read_file(std::string(CACHEFILL_DOCS) + "/shards.md").value();
    auto json = Json::parse(shards_json(three_shards()));
    for (const auto& object : {json, json["shards"][0], json["shards"][0]["builds"][0], json["shards"][0]["awaits"][0]})
        for (const auto& [key, value] : object.items())
            BOOST_TEST(text.find("`" + key + "`") != std::string::npos, key << " is missing in docs/shards.md");
    auto row = Json::parse(shards_matrix(three_shards()).value())["include"][0];
    for (const auto& [key, value] : row.items())
        BOOST_TEST(text.find("`" + key + "`") != std::string::npos, key << " is missing in docs/shards.md");
}

BOOST_AUTO_TEST_SUITE_END()
