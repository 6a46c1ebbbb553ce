#include "base/text.hpp"
#include "golden_text.hpp"
#include "report/columns.hpp"
#include "report/run_report.hpp"
#include "reports.hpp"

using namespace cachefill;
using namespace cachefill::test;
using event::BuildOutcome;
using event::PushOutcome;
using report::to_text;

namespace {

// Whether the figures hold this line, however wide their columns are.
bool has_figure(const std::string& text, const std::string& line) {
    for (auto candidate : split(text, '\n')) {
        std::vector<std::string> words;
        for (auto word : split_words(candidate)) words.emplace_back(word);
        if ((join(words, " ") + " ").starts_with(line + " ")) return true;
    }
    return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(closing_report)

BOOST_AUTO_TEST_CASE(a_complete_warm_run_takes_about_five_lines) {
    auto text = to_text(warm_report(), false, 80);
    check_golden("warm.txt", text);
    BOOST_TEST(split(text, '\n').size() <= 6U);
}

BOOST_AUTO_TEST_CASE(what_would_be_compiled_is_a_bound_only_where_something_is_missing) {
    auto report = warm_report();
    report.targets.push_back(complete_target("darwin:mac"));
    report.targets.back().verdict = event::TargetVerdict::elsewhere;
    report.targets.back().would_compile = 12; // whoever fills that one knows
    BOOST_TEST(to_text(report, false, 80).find("would compile: 0 ") != std::string::npos);
    report.targets.front().would_compile = 3;
    BOOST_TEST(to_text(report, false, 80).find("would compile: 3, on ") != std::string::npos);
    report.targets.front().verdict = event::TargetVerdict::incomplete;
    BOOST_TEST(to_text(report, false, 80).find("would compile: at most 3, on ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_large_warm_fleet_is_folded) {
    auto report = warm_report();
    for (int i = 0; i < 40; ++i) report.targets.push_back(complete_target("nixos:web-" + std::to_string(i)));
    auto text = to_text(report, false, 80);
    BOOST_TEST(split(text, '\n').size() <= 6U);
    BOOST_TEST(text.find("and 42 targets complete") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cold_run_keeps_its_figures_apart) {
    check_golden("filled.txt", to_text(filled_report(), false, 80));
}

BOOST_AUTO_TEST_CASE(what_a_cache_knew_by_its_content_and_what_one_that_is_away_lacks_are_told_apart) {
    auto report = filled_report();
    auto published = report.count(PushOutcome::published);
    BOOST_TEST(to_text(report, false, 80).find("of these known") == std::string::npos);
    for (auto& push : report.pushes)
        if (push.outcome == PushOutcome::published && report::figures(report).deduplicated < 1)
            push.deduplicated = true;
    report.also_pushed.push_back({.name = "attic://nas/team", .url = {}, .optional = true, .error = "it sleeps"});
    auto text = to_text(report, false, 200);
    BOOST_TEST(has_figure(text, "of these known 1"), text);
    auto line = "also in attic://nas/team: not reachable, so it lacks " + counted(published, "path") +
                " of this run: it sleeps";
    BOOST_TEST(text.find(line) != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(who_built_for_a_slower_shard_is_told_from_the_side_of_whoever_tells_it) {
    auto report = filled_report();
    report.shard = {
        .run = "5f0c.1", .number = 3, .shards = 4, .awaited = {}, .taken_over = {}, .silent = {}, .given = {}};
    report.shard.given = {{.from = 1, .to = 3, .derivations = {"a", "b"}}, {.from = 3, .to = 2, .derivations = {"c"}}};
    auto text = to_text(report, false, 200);
    BOOST_TEST(has_figure(text, "for shard 1 2"), text);
    BOOST_TEST(has_figure(text, "left to shard 2 1"), text);
    report.shard.number = 0;
    text = to_text(report, false, 200);
    BOOST_TEST(has_figure(text, "shard 3 for shard 1 2"), text);
    report.shard.number = 4;
    BOOST_TEST(to_text(report, false, 200).find("for shard 1") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_pushed_shows_beside_what_was_built) {
    auto report = filled_report();
    report.pushes.clear();
    auto text = to_text(report, false, 80);
    BOOST_TEST(has_figure(text, "built 2"));
    BOOST_TEST(has_figure(text, "pushed while building 0"));
    BOOST_TEST(has_figure(text, "pushed after 0"));
}

BOOST_AUTO_TEST_CASE(what_stands_behind_next_is_the_command_that_was_typed) {
    auto report = filled_report();
    BOOST_TEST(to_text(report, false, 80).find("next: nh os switch .\n      (on any of these machines;") !=
               std::string::npos);
    report.exit_code = 1;
    for (const auto& [code, beginning] : std::vector<std::pair<int, std::string>>{
             {1, "next: cachefill run . --cache team\n      (once what failed is mended; 2 builds"},
             {3, "next: cachefill run . --cache team\n      (pushes only"},
             {4, "next: cachefill run . --cache team\n      (goes on"},
             {130, "next: cachefill run . --cache team\n      (goes on"}}) {
        report.exit_code = code;
        BOOST_TEST(to_text(report, false, 80).find("\n" + beginning) != std::string::npos, to_text(report, false, 80));
    }
    // With a secret in it, it would have to be masked, and be another command.
    report.again.clear();
    BOOST_TEST(to_text(report, false, 80).find("next: the same command once more\n      (goes on") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_host_that_does_not_evaluate_is_told_with_what_to_do) {
    auto report = warm_report();
    report.targets[0].verdict = event::TargetVerdict::not_evaluated;
    report.targets[0].error = "hosts/nas.nix is not tracked by git, so for Nix it is not there";
    report.targets[0].hint = "git add hosts/nas.nix";
    BOOST_TEST(to_text(report, false, 80).find("it is not there\n  hint: git add hosts/nas.nix\n") != std::string::npos,
               to_text(report, false, 80));
}

BOOST_AUTO_TEST_CASE(a_log_of_another_store_is_shown_by_a_command_that_names_it) {
    auto report = filled_report();
    report.builds.push_back(build("broken", BuildOutcome::failed));
    report.log_command = "nix log --store /srv/nix";
    BOOST_TEST(to_text(report, false, 80).find("see more: nix log --store /srv/nix " + store_path("broken.drv")) !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(where_failures_come_last_the_end_is_the_end_of_a_failed_builds_log) {
    auto report = filled_report();
    report.exit_code = 1;
    report.causes = {"1 derivation did not build"};
    report.builds.push_back(build("broken", BuildOutcome::failed));
    report.builds.back().log_tail = {"configure: error: no compiler"};
    auto text = to_text(report, false, 80, true);
    BOOST_TEST(text.find("exit 1:") < text.find("failed: broken"));
    BOOST_TEST(text.find("next:") == std::string::npos);
    BOOST_TEST(
        text.ends_with("  | configure: error: no compiler\n  see more: nix log " + store_path("broken.drv") + "\n"));
}

BOOST_AUTO_TEST_CASE(an_evaluation_error_keeps_its_position) {
    auto report = warm_report();
    auto& target = report.targets[1];
    target = {};
    target.name = "nixos:web";
    target.verdict = event::TargetVerdict::not_evaluated;
    target.error =
        "error:\n       … while evaluating the option `services.web'\n\n       error: attribute 'foo' missing\n";
    target.position = event::Position{.file = "hosts/web.nix", .line = 12, .column = 5};
    report.exit_code = 1;
    report.causes = {"nixos:web does not evaluate"};
    check_golden("evaluation-error.txt", to_text(report, false, 80));
}

BOOST_AUTO_TEST_CASE(of_two_failures_of_one_name_each_blocks_its_own) {
    auto report = filled_report();
    auto first = build("source", BuildOutcome::failed);
    auto second = first;
    second.derivation += "-another.drv";
    auto blocked = build("firefox-141.0", BuildOutcome::blocked);
    blocked.blocked_by = second.name;
    blocked.blocked_by_derivation = second.derivation;
    report.builds.insert(report.builds.end(), {first, second, blocked});
    auto text = to_text(report, false, 80);
    auto told = text.find("blocks firefox-141.0");
    BOOST_TEST_REQUIRE(told != text.npos);
    BOOST_TEST(text.find("blocks firefox-141.0", told + 1) == text.npos);
}

BOOST_AUTO_TEST_CASE(failures_come_last_with_log_and_what_they_block) {
    auto report = filled_report();
    auto failed = build("firefox-unwrapped-141.0", BuildOutcome::failed);
    failed.error = "builder for '" + failed.derivation + "' failed with exit code 2";
    for (int i = 1; i <= 25; ++i) failed.log_tail.push_back("log line " + std::to_string(i));
    auto blocked = build("firefox-141.0", BuildOutcome::blocked);
    blocked.blocked_by = failed.name;
    blocked.blocked_by_derivation = failed.derivation;
    auto late = build("chromium-140", BuildOutcome::timed_out);
    late.error = "ran for 3 h 00 min (--build-timeout)";
    auto silent = build("chromium-test", BuildOutcome::silent);
    silent.error = "printed nothing for 1 h 00 min (--max-silent)";
    auto refused = build("odd", BuildOutcome::refused);
    refused.error = "its attribute 'requiredSystemFeatures' is a string, and must be a list of strings";
    report.builds.insert(report.builds.end(), {failed, blocked, late, silent, refused});
    report.targets[0].verdict = event::TargetVerdict::incomplete;
    report.targets[0].failed = 2;
    report.targets[0].blocked = 1;
    report.targets[0].missing = {store_path("firefox-141.0"), store_path("chromium-140")};
    report.targets[0].would_compile = 3;
    report.exit_code = 1;
    report.causes = {"2 builds failed"};
    auto text = to_text(report, false, 80);
    check_golden("build-failure.txt", text);
    BOOST_TEST(text.find("log line 5\n") == std::string::npos);
    BOOST_TEST(text.find("  | log line 6\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_dry_run_of_a_push_ends_with_what_would_be_pushed) {
    report::RunReport report;
    report.command = report::Command::push;
    report.cache = "team";
    BOOST_TEST(to_text(report, false, 80) == "ok: nothing to push: all of it is in team\n");
    report.pushes.push_back(push("firefox-141.0", PushOutcome::not_pushed));
    report.pushes.back().reason = "left out by push-filter";
    BOOST_TEST(to_text(report, false, 80).ends_with("ok: nothing was pushed to team\n"), to_text(report, false, 80));
    report.pushes.push_back(push("gcc-14.2", PushOutcome::not_pushed));
    report.pushes.back().planned = true;
    report.took = std::chrono::milliseconds(1'200);
    auto text = to_text(report, false, 80);
    BOOST_TEST(text.ends_with("ok: 1 path would be pushed to team, in 1.2 s\n"), text);
    BOOST_TEST(has_figure(text, "to push 2"), text);
}

BOOST_AUTO_TEST_CASE(an_interrupted_run_names_what_was_built_and_not_pushed) {
    auto report = filled_report();
    report.builds.push_back(build("firefox-141.0", BuildOutcome::cancelled));
    report.builds.push_back(build("chromium-140", BuildOutcome::not_started));
    report.pushes.push_back(push("gcc-14.2", PushOutcome::not_pushed));
    report.pushes.back().reason = "interrupted";
    for (auto& target : report.targets) target.verdict = event::TargetVerdict::unknown, target.verified = false;
    report.exit_code = 130;
    report.causes = {"interrupted (SIGINT)"};
    check_golden("interrupted.txt", to_text(report, false, 80));
}

BOOST_AUTO_TEST_CASE(holes_and_withheld_paths_are_named) {
    auto report = filled_report();
    report.holes = {store_path("old-source.tar.gz")};
    report.not_fetchable_here = {store_path("cuda-12.4")};
    report.pushes.push_back(push("broken-1.0", PushOutcome::withheld));
    report.pushes.back().reason = "its files do not match the recorded hash";
    report.pushes.push_back(push("large-1.0", PushOutcome::failed));
    report.pushes.back().reason = "503 Service Unavailable, 5 tries in 31 s";
    report.targets[0].verdict = event::TargetVerdict::incomplete;
    report.targets[0].missing = {store_path("old-source.tar.gz")};
    report.exit_code = 3;
    report.causes = {"1 path could not be pushed", "nixos:nas is not complete in team"};
    report.messages.push_back({event::Severity::warning, "the cache answered slowly", "nothing to do"});
    report.messages.push_back({event::Severity::notice, "not worth repeating", ""});
    check_golden("holes.txt", to_text(report, false, 80));
}

BOOST_AUTO_TEST_CASE(a_darwin_host_elsewhere_fails_nothing) {
    auto report = warm_report();
    auto& mac = report.targets[1];
    mac.name = "darwin:mac";
    mac.system = "aarch64-darwin";
    mac.verdict = event::TargetVerdict::elsewhere;
    mac.verified = false;
    mac.closure_paths = mac.closure_bytes = mac.built_by_design = 0;
    report.builds = {build("darwin-system-25.05", BuildOutcome::elsewhere)};
    check_golden("elsewhere.txt", to_text(report, false, 80));
}

BOOST_AUTO_TEST_CASE(what_does_not_count_is_told_in_one_pair_of_brackets) {
    auto report = warm_report();
    report.targets.push_back(report.targets[0]);
    report.targets[1].verdict = event::TargetVerdict::elsewhere;
    report.targets[2].evaluate_only = true;
    BOOST_TEST(to_text(report, false, 80).find("1 of 1 target complete in team (1 only evaluated, 1 elsewhere), in ") !=
               std::string::npos);
    report.targets.erase(report.targets.begin());
    BOOST_TEST(
        to_text(report, false, 80).find("no target can be built on this machine (1 only evaluated, 1 elsewhere)") !=
        std::string::npos);
}

BOOST_AUTO_TEST_CASE(untrusting_hosts_are_told_once_which_lines_to_add) {
    auto report = warm_report();
    for (auto& target : report.targets) {
        target.trusted = false;
        target.trust_advice = {"nix.settings.substituters = [ \"https://team.cachix.org\" ];",
                               "nix.settings.trusted-public-keys = [ \"team.cachix.org-1:abc=\" ];"};
    }
    check_golden("untrusted.txt", to_text(report, false, 80));
}

BOOST_AUTO_TEST_CASE(a_plan_says_what_is_to_do) {
    auto report = filled_report();
    report.command = report::Command::plan;
    for (auto& b : report.builds) b.outcome = BuildOutcome::not_started;
    for (auto& p : report.pushes) {
        p.outcome = PushOutcome::not_pushed;
        p.planned = true;
    }
    auto text = to_text(report, false, 80);
    BOOST_TEST(has_figure(text, "to build 2"));
    BOOST_TEST(has_figure(text, "to push 4"));
    BOOST_TEST(text.find("not pushed") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failed_preflight_leaves_only_its_causes) {
    report::RunReport report;
    report.command = report::Command::run;
    report.exit_code = 5;
    report.took = std::chrono::milliseconds(300);
    report.causes = {"no program 'nix' was found on PATH"};
    report.messages = {{event::Severity::error, report.causes[0], "install Nix"}};
    BOOST_TEST(to_text(report, false, 80) == "exit 5: nothing was begun, in 0.3 s\n"
                                             "  no program 'nix' was found on PATH\n"
                                             "    hint: install Nix\n");
}

BOOST_AUTO_TEST_CASE(colours_add_nothing_but_colours) {
    auto report = filled_report();
    report.exit_code = 1;
    BOOST_TEST(to_text(report, true, 80).find("\x1b[") != std::string::npos);
    BOOST_TEST(sanitize(to_text(report, true, 80)) == to_text(report, false, 80));
}

BOOST_AUTO_TEST_CASE(a_narrow_terminal_cuts_names_not_figures) {
    auto report = warm_report();
    report.targets[0].name = "nixos:" + std::string(60, 'x') + "-end";
    auto text = to_text(report, false, 70);
    auto table = split(text, '\n')[1];
    BOOST_TEST(report::columns(table) <= 70U);
    BOOST_TEST(std::string(table).find("8.1 GiB") != std::string::npos);
    BOOST_TEST(std::string(table).find("…") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(hundreds_of_failures_do_not_flood) {
    auto report = filled_report();
    for (int i = 0; i < 300; ++i) {
        auto failed = build("p-" + std::to_string(i), BuildOutcome::failed);
        failed.log_tail.assign(50, "noise");
        report.builds.push_back(failed);
    }
    report.exit_code = 1;
    auto text = to_text(report, false, 80);
    BOOST_TEST(split(text, '\n').size() < 600U);
    BOOST_TEST(text.find("260 more builds failed") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
