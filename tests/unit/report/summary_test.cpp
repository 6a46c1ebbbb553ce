#include "base/text.hpp"
#include "golden_text.hpp"
#include "report/summary.hpp"
#include "reports.hpp"

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using event::BuildOutcome;
using event::PushOutcome;
using report::to_markdown;

namespace {

report::SummarySettings settings() {
    report::SummarySettings settings;
    settings.run_url = "https://github.com/owner/fleet/actions/runs/77";
    settings.report_file = "/home/runner/work/_temp/cachefill/report.json";
    return settings;
}

report::BuildReport timed(const std::string& name, BuildOutcome outcome, std::chrono::milliseconds start,
                          std::chrono::milliseconds took) {
    auto timed = build(name, outcome);
    timed.start = start;
    timed.took = took;
    return timed;
}

report::RunReport warm() {
    auto report = warm_report();
    report.branch = "main";
    report.flake_revision = "3b1c6f0d2a9e8b7c6d5e4f3a2b1c0d9e8f7a6b5c";
    report.stages = {{event::Stage::preflight, 300ms, 0ms},
                     {event::Stage::evaluate, 12'500ms, 400ms},
                     {event::Stage::verify, 1200ms, 13s}};
    report.targets[0].previous_closure_bytes = report.targets[0].closure_bytes;
    report.targets[1].previous_closure_bytes = report.targets[1].closure_bytes;
    report.caches = {{.name = "team", .url = "https://team.cachix.org", .requests = 14},
                     {.name = "", .url = "https://cache.nixos.org", .is_upstream = true, .requests = 3}};
    return report;
}

report::RunReport filled() {
    auto report = warm();
    report.took = 754s;
    report.stages = {{event::Stage::preflight, 900ms, 0ms},
                     {event::Stage::evaluate, 42s, 1s},
                     {event::Stage::build, 690s, 14s},
                     {event::Stage::push, 735s, 14s},
                     {event::Stage::verify, 4s, 750s}};
    report.builds = {timed("linux-6.12.4", BuildOutcome::built, 20s, 560s),
                     timed("firefox-142.0", BuildOutcome::built, 30s, 640s),
                     timed("etc-nixos", BuildOutcome::built, 690s, 2s)};
    report.builds[2].kind = "light";
    report.pushes = filled_report().pushes;
    report.fetched = 41;
    auto& nas = report.targets[0];
    nas.built = 3;
    nas.pushed = 3;
    nas.pushed_bytes = 36 << 20;
    nas.fetched = 41;
    nas.build_time = 1202s;
    nas.previous_closure_bytes = nas.closure_bytes - (212 << 20);
    report.targets[1].previous_closure_bytes.reset();
    report.skipped = {"nixos:template-minimal"};
    return report;
}

report::RunReport one_failed() {
    auto report = filled();
    report.exit_code = 1;
    report.causes = {"1 derivation did not build, which blocks 1 other", "nixos:web does not evaluate"};
    auto failed = timed("firefox-142.0", BuildOutcome::failed, 30s, 65s);
    failed.error =
        "builder for '/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-firefox-142.0.drv' failed with exit code 2";
    failed.log_tail = {"checking for cc... no", "```", "</details><img src=x>",
                       "configure: error: no compiler | @everyone #12"};
    failed.outputs.clear();
    report.builds[1] = failed;
    auto blocked = build("home-manager-generation", BuildOutcome::blocked);
    blocked.took = 0ms;
    blocked.blocked_by = "firefox-142.0";
    blocked.blocked_by_derivation = failed.derivation;
    report.builds.push_back(blocked);
    auto& nas = report.targets[0];
    nas.verdict = event::TargetVerdict::incomplete;
    nas.failed = 1;
    nas.blocked = 1;
    nas.missing = {store_path("firefox-142.0"), store_path("home-manager-generation")};
    nas.closure_bytes = 0;
    report::TargetReport web;
    web.name = "nixos:web";
    web.verdict = event::TargetVerdict::not_evaluated;
    web.evaluation = 8200ms;
    web.error = "error: attribute 'foo' missing\n\nat hosts/web.nix:12:5:\n\n    11| {\n    12|   x = pkgs.foo;\n      "
                "|       ^\n";
    web.position = event::Position{.file = "hosts/web.nix", .line = 12, .column = 5};
    report.targets.push_back(web);
    return report;
}

report::RunReport push_outage() {
    auto report = filled();
    report.exit_code = 3;
    report.causes = {"2 paths could not be put into the cache"};
    report.pushes = {push("linux-6.12.4", PushOutcome::failed), push("etc-nixos", PushOutcome::not_pushed),
                     push("firefox-142.0", PushOutcome::published)};
    report.pushes[0].reason =
        "POST https://team.cachix.org/api/v1/cache/team/multipart-nar answered 503, 9 tries in 90 s";
    report.pushes[1].reason = "a path it refers to is not in the cache";
    report.targets[0].verdict = event::TargetVerdict::incomplete;
    report.targets[0].missing = {store_path("linux-6.12.4"), store_path("etc-nixos")};
    report.targets[0].pushed = 1;
    report.caches[0].reachable = false;
    report.messages = {
        {event::Severity::warning, "the cache team does not answer: outputs wait on disk", "status.cachix.org"}};
    return report;
}

report::RunReport forks_pull_request() {
    auto report = warm();
    report.read_only = true;
    report.branch = "feature/y";
    report.messages = {{event::Severity::notice, "a pull request of a fork: it is built, and nothing is pushed",
                        "what it needs is pushed by the run that follows its merge"}};
    report.builds = {timed("hello-2.12", BuildOutcome::built, 1s, 6s)};
    report.targets[0].verdict = event::TargetVerdict::incomplete;
    report.targets[0].built = 1;
    report.targets[0].verified = report.targets[1].verified = false;
    return report;
}

report::RunReport everything_else() {
    auto report = filled();
    report.exit_code = 4;
    report.deadline_reached = true;
    report.causes = {"stopped at the deadline; the next run goes on from here"};
    report.targets[0].verdict = event::TargetVerdict::incomplete;
    report.targets[0].missing = {store_path("chromium-139.0")};
    report.targets[0].waiting_for_upstream = {"chromium-139.0"};
    report.builds.push_back(build("chromium-139.0", BuildOutcome::not_started));
    report.builds.back().deferred = "defer: chromium-*";
    report.targets[0].trusted = false;
    report.targets[0].trust_advice = {"nix.settings.substituters = [ \"https://team.cachix.org\" ];"};
    report.targets[1].evaluate_only = true;
    report::TargetReport mac;
    mac.name = "darwin:mac";
    mac.system = "aarch64-darwin";
    mac.verdict = event::TargetVerdict::elsewhere;
    report.targets.push_back(mac);
    report.holes = {store_path("gone")};
    report.not_fetchable_here = {store_path("cuda") + " (in https://cuda.cachix.org)"};
    report.pushes.push_back(push("secret-source", PushOutcome::withheld));
    report.pushes.back().reason = "it is the flake's own source";
    return report;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(step_summary)

BOOST_AUTO_TEST_CASE(all_complete) { check_golden("summary-complete.md", to_markdown(warm(), settings())); }
BOOST_AUTO_TEST_CASE(some_built) { check_golden("summary-built.md", to_markdown(filled(), settings())); }
BOOST_AUTO_TEST_CASE(one_failed_host) { check_golden("summary-failed.md", to_markdown(one_failed(), settings())); }
BOOST_AUTO_TEST_CASE(a_cache_that_stays_away) {
    check_golden("summary-outage.md", to_markdown(push_outage(), settings()));
}
BOOST_AUTO_TEST_CASE(a_forks_pull_request) {
    check_golden("summary-fork.md", to_markdown(forks_pull_request(), settings()));
}
BOOST_AUTO_TEST_CASE(holes_trust_other_machines_and_the_deadline) {
    check_golden("summary-deadline.md", to_markdown(everything_else(), settings()));
}

BOOST_AUTO_TEST_CASE(failures_stand_before_the_table_of_hosts) {
    auto text = to_markdown(one_failed(), settings());
    BOOST_TEST(text.find("### Failures") < text.find("### Hosts"));
}

BOOST_AUTO_TEST_CASE(no_log_line_ends_the_block_it_stands_in) {
    auto report = one_failed();
    report.builds[1].log_tail = {"`````", "</pre></details>", "::error::x"};
    auto text = to_markdown(report, settings());
    auto start = text.find("``````text\n");
    BOOST_REQUIRE(start != std::string::npos);
    auto end = text.find("\n``````\n", start);
    BOOST_TEST(text.find("</pre></details>") < end);
}

BOOST_AUTO_TEST_CASE(names_from_outside_are_only_names) {
    auto report = warm();
    report.targets[0].name = "nixos:a|b`c<script>\n@team";
    report.cache = "t*e*am <b> @who [x](http://y) #1";
    auto text = to_markdown(report, settings());
    BOOST_TEST(holds(text, "``nixos:a\\|b`c<script>\xC2\xA0@team``"));
    BOOST_TEST(!holds(text, "<b>"));
    BOOST_TEST(!holds(text, " @who"));
    BOOST_TEST(!holds(text, "[x](http"));
}

BOOST_AUTO_TEST_CASE(the_limit_is_kept_whatever_fails_and_what_has_no_room_is_named) {
    auto report = one_failed();
    for (int i = 0; i < 400; ++i) {
        report.builds.push_back(build("package-" + std::to_string(i), BuildOutcome::failed));
        report.builds.back().log_tail.assign(40, std::string(1200, 'x') + "ü€😀");
        report.targets.push_back(complete_target("nixos:host-" + std::to_string(i)));
        report.targets.back().built = 1;
        report.pushes.push_back(push("path-" + std::to_string(i), PushOutcome::failed));
    }
    auto whole = to_markdown(report, settings());
    BOOST_TEST(whole.size() < 1000U * 1000);
    BOOST_TEST(holds(whole, "### Hosts"));
    BOOST_TEST(holds(whole, "`package-100`"));
    BOOST_TEST(holds(whole, " more\n"));
    auto narrow = settings();
    narrow.most_bytes = 20'000;
    auto cut = to_markdown(report, narrow);
    BOOST_TEST(cut.size() <= 20'000U);
    BOOST_TEST(holds(cut, "Too long for a summary, and therefore not here: "));
    BOOST_TEST(holds(cut, "hosts"));
}

BOOST_AUTO_TEST_CASE(a_superseded_run_says_by_which) {
    auto report = warm();
    report.superseded_by = "https://github.com/owner/fleet/actions/runs/78";
    auto text = to_markdown(report, settings());
    BOOST_TEST(holds(text, "## ⏭️"));
    BOOST_TEST(holds(text, "(https://github.com/owner/fleet/actions/runs/78)"));
}

BOOST_AUTO_TEST_CASE(a_shard_says_what_it_did_and_a_plan_that_something_is_still_to_come) {
    auto report = one_failed();
    report.shard = {
        .run = "5f0c.1", .number = 2, .shards = 4, .awaited = {}, .taken_over = {"a.drv"}, .silent = {}, .given = {}};
    auto sums = report::figures(report);
    auto told = report::verdict(report);
    BOOST_TEST(told.starts_with("Shard 2 of 4: " + std::to_string(sums.built) + " derivation"), told);
    BOOST_TEST(holds(told, ", " + std::to_string(sums.failed) + " failed"), told);
    BOOST_TEST(holds(told, "1 taken over from shards that were gone"), told);

    report::RunReport plan;
    plan.command = report::Command::plan;
    plan.targets.resize(1);
    plan.targets[0].name = "nixos:nas";
    plan.targets[0].verdict = event::TargetVerdict::incomplete;
    auto text = to_markdown(plan, settings());
    BOOST_TEST(holds(text, "⏳"), text);
}

BOOST_AUTO_TEST_CASE(nothing_looked_at_is_not_told_as_complete) {
    report::RunReport report;
    report.exit_code = 2;
    report.causes = {"there is no token for the cache team"};
    auto text = to_markdown(report, settings());
    BOOST_TEST(holds(text, "## ❌ No host was looked at"));
    BOOST_TEST(holds(text, "> there is no token for the cache team"));
}

BOOST_AUTO_TEST_SUITE_END()
