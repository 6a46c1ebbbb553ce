#include "doctor/doctor_report.hpp"
#include "presence/source.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::doctor;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Examination healthy() {
    Examination examination;
    examination.evidence.target = "nixos:box";
    examination.evidence.derivation = "/nix/store/11111111111111111111111111111111-system.drv";
    examination.evidence.output = "/nix/store/22222222222222222222222222222222-system";
    examination.derivations = 5000;
    return examination;
}

Heavy compiled(const std::string& name, std::chrono::milliseconds expected, Source source = Source::nowhere) {
    Heavy heavy;
    heavy.name = name;
    heavy.derivation = "/nix/store/33333333333333333333333333333333-" + name + ".drv";
    heavy.expected = {.time = expected, .measured = true};
    heavy.source = source;
    return heavy;
}

Examination compiling(std::size_t count, std::chrono::milliseconds each = 60s) {
    auto examination = healthy();
    for (std::size_t i = 0; i < count; ++i) {
        examination.evidence.heavy.push_back(compiled("heavy-" + std::to_string(i), each));
        examination.expected += each;
    }
    return examination;
}

} // namespace

BOOST_AUTO_TEST_SUITE(doctor_report)

BOOST_AUTO_TEST_CASE(a_healthy_machine_gets_one_line_that_says_what_is_left_to_do) {
    auto examination = healthy();
    BOOST_TEST(to_text(examination, false) == "nothing to compile for nixos:box: all of it is here\n");
    examination.fetches = 1;
    BOOST_TEST(to_text(examination, false) == "nothing to compile for nixos:box: 1 path to fetch\n");
    examination.fetches = 120;
    examination.fetched_bytes = 3 << 20;
    BOOST_TEST(to_text(examination, false) == "nothing to compile for nixos:box: 120 paths to fetch (3.0 MiB)\n");
    examination.evidence.local_by_design = 40;
    examination.light = 2;
    BOOST_TEST(to_text(examination, false) ==
               "nothing to compile for nixos:box: 120 paths to fetch (3.0 MiB), 42 small "
               "derivations to build here (seconds)\n");
    examination.fetches = 0;
    BOOST_TEST(to_text(examination, false) ==
               "nothing to compile for nixos:box: 42 small derivations to build here (seconds)\n");
}

BOOST_AUTO_TEST_CASE(what_would_be_compiled_is_named_with_its_reason_and_a_command) {
    auto examination = compiling(2);
    examination.reasons = {{.cause = Cause::run_in_progress,
                            .text = "the cloud is at it",
                            .remedy = "cachefill wait box",
                            .lasting = {},
                            .details = {}},
                           {.cause = Cause::hole, .text = "another", .remedy = "x", .lasting = {}, .details = {}}};
    BOOST_TEST(to_text(examination, false) ==
               "nixos:box would compile 2 derivations here, about 2 min: heavy-0, heavy-1\n"
               "reason: the cloud is at it\n"
               "do:     cachefill wait box\n");
    examination.reasons[0].lasting = "cachefill use demo";
    BOOST_TEST(to_text(examination, false)
                   .ends_with("do:     cachefill wait box\nthen:   cachefill use demo\n"
                              "        (shows the lines that make it last)\n"));
    examination.reasons[0].lasting.clear();
    examination.reasons[0].remedy.clear();
    BOOST_TEST(!has(to_text(examination, false), "do:"));
    auto many = compiling(5);
    BOOST_TEST(to_text(many, false) ==
               "nixos:box would compile 5 derivations here, about 5 min: heavy-0, heavy-1, heavy-2, …\n");
}

BOOST_AUTO_TEST_CASE(what_a_cache_may_have_is_no_firm_number) {
    auto examination = compiling(3);
    auto& heavy = examination.evidence.heavy;
    heavy[0].source = Source::unknown;
    BOOST_TEST(has(to_text(examination, false),
                   "nixos:box would compile at most 3 derivations here, 1 of them only if no cache has them, about"));
    for (auto& one : heavy) one.source = Source::unknown;
    BOOST_TEST(has(to_text(examination, false),
                   "nixos:box would compile at most 3 derivations here, if no cache has them, about 3 min: heavy-0"));
}

BOOST_AUTO_TEST_CASE(an_expected_time_is_no_more_exact_than_it_is) {
    struct Row {
        std::chrono::milliseconds expected;
        std::string_view told;
    };
    for (const auto& row :
         {Row{400ms, "about 1 s"}, Row{89s, "about 89 s"}, Row{90s, "about 2 min"}, Row{59min, "about 59 min"},
          Row{1h, "about 1 h:"}, Row{1h + 29min + 40s, "about 1 h 30 min"}, Row{26h, "about 26 h:"}})
        BOOST_TEST(has(to_text(compiling(1, row.expected), false), std::string(row.told)), row.told);
}

BOOST_AUTO_TEST_CASE(a_time_that_nobody_measured_is_not_invented) {
    auto examination = compiling(2);
    auto forget = [&](std::size_t i) {
        examination.evidence.heavy[i].expected.measured = false;
        examination.expected -= examination.evidence.heavy[i].expected.time;
        ++examination.unmeasured;
    };
    forget(0);
    BOOST_TEST(has(to_text(examination, false),
                   "would compile 2 derivations here, about 60 s and 1 of unknown length: heavy-0"));
    auto seen = nlohmann::json::parse(to_json(examination));
    BOOST_TEST(seen["would_compile"][0]["expected_seconds"].is_null());
    BOOST_TEST(seen["would_compile"][1]["expected_seconds"] == 60);
    BOOST_TEST(seen["expected_seconds"] == 60);
    BOOST_TEST(seen["unmeasured"] == 1);
    forget(1);
    BOOST_TEST(has(to_text(examination, false), "would compile 2 derivations here, how long is not known: heavy-0"));
    BOOST_TEST(has(to_text(examination, true), "not known"));
}

BOOST_AUTO_TEST_CASE(with_verbose_everything_behind_it_is_told) {
    auto examination = compiling(42);
    examination.evidence.heavy[0].needed_by = {"steam", "system"};
    examination.reasons = {
        {.cause = Cause::hole, .text = "a hole", .remedy = "fill it", .lasting = {}, .details = {"detail one"}},
        {.cause = Cause::evicted, .text = "gone", .remedy = {}, .lasting = {}, .details = {}}};
    examination.asked = {"https://a.example", "https://b.example"};
    examination.notes = {"https://a.example answered 503"};
    examination.evaluating = 1200ms;
    examination.fetches = 7;
    auto text = to_text(examination, true);
    BOOST_TEST(has(text, "would be compiled, heaviest first:\n"));
    BOOST_TEST(has(text, "needed by steam < system\n"));
    examination.evidence.heavy[0].needed_by = {"gtk-3.24.38", "firefox-unwrapped-119.0", "firefox-119.0", "system"};
    BOOST_TEST(has(to_text(examination, true),
                   "\n      needed by gtk-3.24.38 < firefox-unwrapped-119.0 < firefox-119.0 < system\n"));
    BOOST_TEST(has(text, "heavy-39 "));
    BOOST_TEST(!has(text, "heavy-40 "));
    BOOST_TEST(has(text, "… and 2 more (--json lists all)\n"));
    BOOST_TEST(has(text, "\n1. a hole\n   detail one\n   do: fill it\n"));
    BOOST_TEST(has(text, "\n2. gone\n\n"));
    BOOST_TEST(
        has(text, "to fetch 7 paths, local by design 0, light 0, downloads of sources 0; 5000 derivations in all\n"));
    BOOST_TEST(has(text, "asked: https://a.example, https://b.example; the Nix daemon: asked\n"));
    BOOST_TEST(has(text, "note: https://a.example answered 503\n"));
    BOOST_TEST(has(text, "evaluated in 1.2 s"));
    examination.asked.clear();
    examination.daemon_said = "it is away";
    BOOST_TEST(has(to_text(examination, true), "asked: no substituters; the Nix daemon: it is away\n"));
}

BOOST_AUTO_TEST_CASE(what_could_not_be_looked_at_is_told_instead) {
    auto examination = compiling(1);
    examination.failures.push_back(Failure(FailureKind::eval, "it does not evaluate").with_hint("mend it"));
    auto text = to_text(examination, true);
    BOOST_TEST(has(text, "it does not evaluate"));
    BOOST_TEST(has(text, "mend it"));
    BOOST_TEST(!has(text, "would compile"));
    BOOST_TEST(!examination.is_healthy());
}

BOOST_AUTO_TEST_CASE(the_exit_code_tells_a_sick_machine_from_one_that_cannot_be_examined) {
    BOOST_TEST(exit_code_of(healthy()) == 0);
    BOOST_TEST(exit_code_of(compiling(1)) == 1);
    struct Row {
        std::vector<FailureKind> kinds;
        int code;
    };
    for (const auto& row : {Row{{FailureKind::eval}, 1}, Row{{FailureKind::usage}, 2}, Row{{FailureKind::store}, 5},
                            Row{{FailureKind::network}, 5}, Row{{FailureKind::eval, FailureKind::machine}, 5},
                            Row{{FailureKind::machine, FailureKind::usage}, 2}}) {
        auto examination = healthy();
        for (auto kind : row.kinds) examination.failures.emplace_back(kind, "x");
        BOOST_TEST(exit_code_of(examination) == row.code);
    }
}

BOOST_AUTO_TEST_CASE(as_data_it_says_the_same) {
    auto examination = compiling(1, 1500ms);
    examination.evidence.heavy[0].source = Source::key_not_trusted;
    examination.evidence.heavy[0].needed_by = {"system"};
    examination.fetches = 3;
    examination.fetched_bytes = 99;
    examination.reasons = {
        {.cause = Cause::key_not_trusted, .text = "a key", .remedy = "trust it", .lasting = {}, .details = {"line"}}};
    github::WorkflowRun run;
    run.id = 7;
    run.workflow_file = "fill.yml";
    run.state = github::RunState::failed;
    run.head_sha = std::string(40, 'c');
    run.url = "https://github.com/o/r/actions/runs/7";
    examination.evidence.cloud.runs = {run};
    auto data = json::parse(to_json(examination));
    BOOST_TEST(data["cachefill_doctor"] == 1);
    BOOST_TEST(data["exit_code"] == 1);
    BOOST_TEST(data["healthy"] == false);
    BOOST_TEST(data["target"] == "nixos:box");
    BOOST_TEST(data["expected_seconds"] == 1.5);
    BOOST_TEST((data["fetch"] == json{{"paths", 3}, {"bytes", 99}}));
    BOOST_TEST(data["daemon"] == "asked");
    BOOST_REQUIRE(data["would_compile"].size() == 1U);
    BOOST_TEST(data["would_compile"][0]["name"] == "heavy-0");
    BOOST_TEST(data["would_compile"][0]["source"] == "cache-not-trusted");
    BOOST_TEST((data["would_compile"][0]["needed_by"] == json::array({"system"})));
    BOOST_TEST((data["reasons"] == json::array({{{"cause", "key-not-trusted"},
                                                 {"text", "a key"},
                                                 {"command", "trust it"},
                                                 {"lasting", ""},
                                                 {"details", json::array({"line"})}}})));
    BOOST_TEST(data["runs"][0]["state"] == "failed");
    BOOST_TEST(data["runs"][0]["workflow"] == "fill.yml");
    BOOST_TEST(data["failures"].empty());
}

BOOST_AUTO_TEST_CASE(every_source_has_a_name_of_its_own) {
    std::set<std::string> names;
    for (auto source :
         {Source::nowhere, Source::own_cache_holed, Source::upstream_holed, Source::below_a_hole,
          Source::not_a_substituter, Source::key_not_trusted, Source::here_but_daemon_no, Source::unknown}) {
        auto examination = healthy();
        examination.evidence.heavy = {compiled("x", 1s, source)};
        names.insert(json::parse(to_json(examination))["would_compile"][0]["source"].get<std::string>());
    }
    BOOST_TEST(names.size() == 8U);
}

BOOST_AUTO_TEST_CASE(as_data_it_stays_data_whatever_stands_in_it) {
    auto examination = healthy();
    examination.failures.push_back(Failure(FailureKind::store, "bad \xff byte and \"quotes\""));
    auto data = json::parse(to_json(examination));
    BOOST_TEST(data["exit_code"] == 5);
    BOOST_TEST(has(data["failures"][0]["text"].get<std::string>(), "\"quotes\""));
}

BOOST_AUTO_TEST_CASE(what_switching_changes_is_two_lines_and_a_table_with_verbose) {
    auto examination = healthy();
    BOOST_TEST(!has(to_text(examination, true), "changes"));
    BOOST_TEST(!json::parse(to_json(examination)).contains("changes"));
    auto& changes = examination.changes.emplace();
    for (int i = 0; i < 7; ++i)
        changes.changed.push_back(
            {.name = "p" + std::to_string(i), .before = {"1"}, .after = {"2"}, .grew_by = 0, .size = 0});
    auto text = to_text(examination, false);
    BOOST_TEST(has(text, "\nchanges: 7 packages changed, +0 B\n"
                         "         p0 1 → 2, p1 1 → 2, p2 1 → 2, p3 1 → 2, p4 1 → 2, and 2 more\n"));
    BOOST_TEST(!has(text, "switching changes:"));
    BOOST_TEST(has(to_text(examination, true), "\nswitching changes:\n  p0 "));
    BOOST_TEST(json::parse(to_json(examination))["changes"]["changed"].size() == 7U);
    examination.changes.emplace().rebuilt = 2;
    BOOST_TEST(to_text(examination, false).ends_with("\nchanges: 2 packages rebuilt, +0 B\n"));
}

BOOST_AUTO_TEST_SUITE_END()
