#include "base/files.hpp"
#include "report/json_lines.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

namespace {

report::RunReport full_report() {
    auto report = filled_report();
    report.causes = {"because"};
    report.holes = {store_path("hole")};
    report.not_fetchable_here = {store_path("cuda")};
    report.why = {{.subject = store_path("lib"), .sentences = {"lib is built.", "It is needed by nixos:nas."}}};
    report.uncounted_upstreams = {{.url = "https://up.example",
                                   .paths = 1,
                                   .of = 2,
                                   .hosts = {"nixos:nas"},
                                   .advice = {{{"nixos:nas"}, {"a line"}}}}};
    report.shard = {.run = "5f0c.1",
                    .number = 2,
                    .shards = 4,
                    .awaited = {store_path("nss")},
                    .taken_over = {store_path("app.drv")},
                    .silent = {3},
                    .given = {{.from = 1, .to = 2, .derivations = {store_path("app.drv")}}}};
    report.caches = {{.name = "team", .url = "https://team.cachix.org"}};
    report.messages = {{event::Severity::warning, "slow", "wait"}};
    report.also_pushed.push_back({.name = "mirror", .url = "cachix://mirror", .error = {}});
    report.targets[1].position = event::Position{.file = "flake.nix", .line = 3, .column = 7};
    report.targets[0].changes = {.changed = {{.name = "firefox", .before = {"141.0"}, .after = {"142.0"}}},
                                 .came = {},
                                 .went = {},
                                 .resized = {}};
    report.pushes.push_back(push("withheld", event::PushOutcome::withheld));
    report.pushes.back().reason = "a reason";
    report.builds.push_back(build("blocked", event::BuildOutcome::blocked));
    report.builds.back().blocked_by = "other";
    report.builds.push_back(build("found", event::BuildOutcome::found));
    report.builds[0].start = 43s;
    report.builds[0].needs = {report.builds[1].derivation};
    report.targets[0].evaluation_start = 1s;
    report.pushes[0].start = 44s;
    report.pushes[0].took = 2s;
    report.fetches = {
        {.path = store_path("nss"), .start = 40s, .took = 3s, .error = "gone", .needed_by = {store_path("app.drv")}}};
    return report;
}

// One of each, so that every type and field is seen.
std::vector<event::Event> one_of_each() {
    event::EvaluationFinished evaluation;
    evaluation.target = "nixos:nas";
    evaluation.position = event::Position{.file = "flake.nix", .line = 3, .column = 7};
    return {event::StageStarted{event::Stage::build},
            event::StageFinished{event::Stage::build, 3s},
            event::Message{event::Severity::error, "text", "hint"},
            event::TargetsFound{{"a"}, {"b"}},
            event::EvaluationStarted{"a"},
            evaluation,
            event::CacheWaiting{},
            event::CloudWaiting{"the run is running", 90s},
            event::QueryProgress{8000, 1},
            event::PlanChanged{},
            event::FetchFinished{},
            event::BuildStarted{},
            event::BuildLogLine{"d", "line"},
            event::BuildFinished{},
            event::PushStarted{},
            event::PushProgress{},
            event::PushFinished{},
            event::TargetVerified{},
            event::RunFinished{}};
}

void collect_keys(const Json& json, std::set<std::string>& keys) {
    if (json.is_object())
        for (const auto& [key, value] : json.items()) {
            keys.insert(key);
            collect_keys(value, keys);
        }
    if (json.is_array())
        for (const auto& value : json) collect_keys(value, keys);
}

std::string documentation() { return read_file(std::string(CACHEFILL_DOCS) + "/report.md").value(); }

// From one heading of the documentation to the next of its rank.
std::string section(const std::string& heading) {
    auto text = documentation();
    auto start = text.find("\n## " + heading + "\n");
    BOOST_REQUIRE_MESSAGE(start != std::string::npos, "docs/report.md has no section '" << heading << "'");
    auto end = text.find("\n## ", start + 1);
    return text.substr(start, end == std::string::npos ? end : end - start);
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_report)

BOOST_AUTO_TEST_CASE(lists_are_exact_and_figures_are_their_sums) {
    auto report = full_report();
    auto json = Json::parse(report::to_json(report));
    BOOST_TEST(json["schema_version"] == 1);
    BOOST_REQUIRE_EQUAL(json["builds"].size(), report.builds.size());
    BOOST_REQUIRE_EQUAL(json["pushes"].size(), report.pushes.size());
    for (std::size_t i = 0; i < report.pushes.size(); ++i) {
        BOOST_TEST(json["pushes"][i]["path"].get<std::string>() == report.pushes[i].path);
        BOOST_TEST(json["pushes"][i]["outcome"].get<std::string>() == to_string(report.pushes[i].outcome));
        BOOST_TEST(json["pushes"][i]["nar_size"].get<std::uint64_t>() == report.pushes[i].nar_size);
    }
    BOOST_TEST(json["builds"][0]["outputs"][0].get<std::string>() == report.builds[0].outputs[0]);
    BOOST_TEST(json["builds"][2]["blocked_by"].get<std::string>() == "other");
    BOOST_TEST(json["targets"][0]["closure_bytes"].get<std::uint64_t>() == report.targets[0].closure_bytes);
    BOOST_TEST(json["targets"][1]["position"]["line"].get<int>() == 3);
    BOOST_TEST(json["targets"][0]["position"].is_null());
    BOOST_TEST(json["took_ms"].get<int>() == 754'000);
    const auto& figures = json["figures"];
    BOOST_TEST(figures["built"].get<std::uint64_t>() == report.count(event::BuildOutcome::built));
    BOOST_TEST(figures["found"].get<int>() == 1); // and not built
    BOOST_TEST(json["builds"][3]["outcome"].get<std::string>() == "found");
    BOOST_TEST(figures["pushed_while_building"].get<int>() == 2);
    BOOST_TEST(figures["pushed_after"].get<int>() == 1);
    BOOST_TEST(figures["already_there"].get<int>() == 1);
    BOOST_TEST(figures["withheld"].get<int>() == 1);
    int pushes = 0;
    for (const auto* key :
         {"pushed_while_building", "pushed_after", "already_there", "withheld", "failed_to_push", "not_pushed"})
        pushes += figures[key].get<int>();
    BOOST_TEST(static_cast<std::size_t>(pushes) == report.pushes.size());
}

BOOST_AUTO_TEST_CASE(it_tells_when_things_started_and_what_was_made_from_what) {
    auto json = Json::parse(report::to_json(full_report()));
    BOOST_TEST(json["builds"][0]["started_ms"] == 43'000);
    BOOST_TEST(json["builds"][1]["started_ms"].is_null());
    BOOST_TEST(json["builds"][0]["needs"][0] == json["builds"][1]["derivation"]);
    BOOST_TEST(json["targets"][0]["evaluation_started_ms"] == 1000);
    BOOST_TEST(json["targets"][1]["evaluation_started_ms"].is_null());
    BOOST_TEST(json["pushes"][0]["started_ms"] == 44'000);
    BOOST_TEST(json["pushes"][0]["took_ms"] == 2000);
    BOOST_TEST(json["pushes"][1]["started_ms"].is_null());
    BOOST_TEST(json["shard"]["number"] == 2);
    BOOST_TEST(json["shard"]["silent"][0] == 3);
    BOOST_TEST(json["shard"]["given"][0]["to"] == 2);
    BOOST_TEST(Json::parse(report::to_json(filled_report()))["shard"].is_null());
    BOOST_TEST(json["fetches"][0].dump() == R"({"path":")" + store_path("nss") +
                                                R"(","started_ms":40000,"took_ms":3000,"error":"gone","needed_by":[")" +
                                                store_path("app.drv") + R"("]})");
}

BOOST_AUTO_TEST_CASE(the_order_of_keys_is_stable) {
    auto json = Json::parse(report::to_json(full_report()));
    BOOST_TEST(json.begin().key() == "schema_version");
    BOOST_TEST(report::to_json(full_report()) == report::to_json(full_report()));
    BOOST_TEST(json.dump(2) == report::to_json(full_report()));
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf8_does_not_break_it) {
    auto report = full_report();
    report.builds[0].error = "caf\xE9";
    BOOST_TEST(Json::accept(report::to_json(report)));
    BOOST_TEST(Json::accept(report::json_line(event::BuildLogLine{"d", "\xFF\xFE"})));
}

BOOST_AUTO_TEST_CASE(every_key_is_documented) {
    std::set<std::string> keys;
    collect_keys(Json::parse(report::to_json(full_report())), keys);
    auto text = section("The JSON report");
    for (const auto& key : keys)
        BOOST_TEST(text.find("`" + key + "`") != std::string::npos, key << " is not documented");
}

BOOST_AUTO_TEST_CASE(every_event_and_its_keys_are_documented) {
    auto text = section("Events as JSON lines");
    std::set<std::string> types;
    for (const auto& event : one_of_each()) {
        auto json = Json::parse(report::json_line(event));
        BOOST_TEST(json["version"] == 1);
        auto type = json["type"].get<std::string>();
        BOOST_TEST(types.insert(type).second);
        auto start = text.find("| `" + type + "` |");
        BOOST_REQUIRE_MESSAGE(start != std::string::npos, type << " is not documented");
        auto row = text.substr(start, text.find('\n', start) - start);
        std::set<std::string> keys;
        collect_keys(json, keys);
        for (const auto& key : keys) {
            if (key == "version" || key == "type") continue;
            BOOST_TEST(row.find("`" + key + "`") != std::string::npos, type << ": " << key << " is not documented");
        }
    }
    BOOST_TEST(types.size() == std::variant_size_v<event::Event>);
}

BOOST_AUTO_TEST_CASE(the_example_in_the_documentation_has_the_keys_of_a_real_report) {
    auto text = section("The JSON report");
    auto start = text.find("```json\n");
    BOOST_REQUIRE(start != std::string::npos);
    start += 8;
    auto example = Json::parse(text.substr(start, text.find("```", start) - start));
    std::set<std::string> in_example, in_report;
    collect_keys(example, in_example);
    collect_keys(Json::parse(report::to_json(full_report())), in_report);
    for (const auto& key : in_report)
        BOOST_TEST(in_example.contains(key), key << " is in a report, but not in the example");
    for (const auto& key : in_example)
        BOOST_TEST(in_report.contains(key), key << " is in the example, but in no report");
}

BOOST_AUTO_TEST_CASE(events_are_one_line_each) {
    auto directory = TemporaryDirectory::make("events").value();
    auto file = (directory.path() / "events.jsonl").string();
    auto sink = report::EventLines::open(file).value();
    for (const auto& event : one_of_each()) sink->on_event(event);
    sink->on_event(event::Message{event::Severity::info, "two\nlines", ""});
    auto text = read_file(file).value(); // while it is still written
    BOOST_TEST(!sink->trouble().has_value());
    BOOST_TEST(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == one_of_each().size() + 1);
    BOOST_TEST(text.starts_with("{\"version\":1,\"type\":\"stage-started\",\"stage\":\"build\"}\n"));
}

BOOST_AUTO_TEST_CASE(events_that_cannot_be_written_are_told_once_and_with_the_file) {
    auto none = report::EventLines::open("/nonexistent/events");
    BOOST_REQUIRE(!none);
    BOOST_TEST(none.error().one_line().find("/nonexistent/events") != std::string::npos);
    auto full = report::EventLines::open("/dev/full").value();
    for (const auto& event : one_of_each()) full->on_event(event);
    BOOST_REQUIRE(full->trouble().has_value());
    BOOST_TEST(full->trouble()->one_line().find("/dev/full") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
