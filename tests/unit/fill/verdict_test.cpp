#include "fill/verdict.hpp"
#include "unit/report/reports.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <functional>

using namespace cachefill;
using namespace cachefill::fill;
using namespace cachefill::test;
using event::BuildOutcome;
using event::PushOutcome;
using event::TargetVerdict;
using report::Command;

namespace {

VerdictRules strict_rules() {
    VerdictRules rules;
    rules.fail_on = options::Settings().fail_on; // everything
    return rules;
}

// A run that is complete, and what is wrong with it.
struct Trial {
    report::RunReport report = warm_report();
    VerdictRules rules = strict_rules();
    Ending ending;

    Verdict verdict() const { return fill::verdict(report, rules, ending); }
    report::TargetReport& target() { return report.targets[0]; }
};

using Wrong = std::function<void(Trial&)>;

void does_not_evaluate(Trial& trial) {
    trial.target().verdict = TargetVerdict::not_evaluated;
    trial.target().verified = false;
}
void does_not_build(Trial& trial) {
    trial.report.builds.push_back(build("firefox", BuildOutcome::failed));
    trial.target().failed = 1;
}
void is_not_pushed(Trial& trial) { trial.report.pushes.push_back(push("hello", PushOutcome::failed)); }
void lacks_a_path(Trial& trial) {
    trial.target().verdict = TargetVerdict::incomplete;
    trial.target().missing = {store_path("hello")};
}
void reached_its_deadline(Trial& trial) { trial.report.deadline_reached = true; }
void fails_as_a_whole(Trial& trial, FailureKind kind) { trial.ending.failures.emplace_back(kind, "it broke"); }

Wrong whole(FailureKind kind) {
    return [kind](Trial& trial) { fails_as_a_whole(trial, kind); };
}
Wrong signal_of(int number) {
    return [number](Trial& trial) { trial.ending.signal = number; };
}
Wrong with_build(BuildOutcome outcome) {
    return [outcome](Trial& trial) { trial.report.builds.push_back(build("firefox", outcome)); };
}
Wrong with_push(PushOutcome outcome) {
    return [outcome](Trial& trial) { trial.report.pushes.push_back(push("hello", outcome)); };
}
Wrong with_mirror(bool optional, std::uint64_t failed, std::uint64_t not_pushed) {
    return [=](Trial& trial) {
        report::MirrorReport mirror;
        mirror.name = "nas";
        mirror.optional = optional;
        mirror.failed = failed;
        mirror.not_pushed = not_pushed;
        trial.report.also_pushed.push_back(mirror);
    };
}

int code_of(const Trial& trial) { return static_cast<int>(trial.verdict().code); }

} // namespace

BOOST_AUTO_TEST_SUITE(verdicts)

BOOST_AUTO_TEST_CASE(what_is_complete_has_nothing_to_answer_for) {
    for (auto command : {Command::run, Command::plan, Command::verify}) {
        Trial trial;
        trial.report.command = command;
        auto verdict = trial.verdict();
        BOOST_TEST((verdict.code == options::ExitCode::complete));
        BOOST_TEST(verdict.causes.empty());
        BOOST_TEST(verdict.excused.empty());
    }
}

BOOST_AUTO_TEST_CASE(each_wrong_has_its_code_for_each_command) {
    struct Row {
        const char* name;
        Wrong wrong;
        int run, plan, verify;
    };
    const Row rows[]{
        {"usage", whole(FailureKind::usage), 2, 2, 2},
        {"the flake is broken", whole(FailureKind::eval), 1, 1, 1},
        {"a service is away", whole(FailureKind::network), 5, 5, 5},
        {"a host does not evaluate", does_not_evaluate, 1, 1, 1},
        {"a build failed", does_not_build, 1, 0, 0},
        {"a build timed out", with_build(BuildOutcome::timed_out), 1, 0, 0},
        {"a build fell silent", with_build(BuildOutcome::silent), 1, 0, 0},
        {"Nix refused", with_build(BuildOutcome::refused), 1, 0, 0},
        {"blocked alone", with_build(BuildOutcome::blocked), 0, 0, 0},
        {"found", with_build(BuildOutcome::found), 0, 0, 0},
        {"published", with_push(PushOutcome::published), 0, 0, 0},
        {"somebody else was faster", with_push(PushOutcome::already_there), 0, 0, 0},
        {"a push failed", is_not_pushed, 3, 0, 3},
        {"withheld", with_push(PushOutcome::withheld), 3, 0, 3},
        {"not pushed", with_push(PushOutcome::not_pushed), 3, 0, 3},
        {"a mirror lacks a path", with_mirror(false, 1, 0), 3, 3, 3},
        {"a mirror was given up", with_mirror(false, 0, 1), 3, 3, 3},
        {"an optional mirror", with_mirror(true, 1, 1), 0, 0, 0},
        {"a path is missing", lacks_a_path, 3, 3, 3},
        {"deadline", reached_its_deadline, 4, 4, 4},
        {"SIGINT", signal_of(SIGINT), 130, 130, 130},
        {"SIGTERM", signal_of(SIGTERM), 143, 143, 143},
    };
    for (const auto& row : rows)
        for (auto [command, code] : {std::pair(Command::run, row.run), std::pair(Command::plan, row.plan),
                                     std::pair(Command::verify, row.verify)}) {
            Trial trial;
            trial.report.command = command;
            row.wrong(trial);
            BOOST_TEST(code_of(trial) == code, row.name << ", " << to_string(command) << ": " << code_of(trial));
            BOOST_TEST(trial.verdict().causes.size() == (code == 0 ? 0U : 1U), row.name);
        }
}

// "If several apply, the first of 2, 5, 130/143, 3, 4, 1 wins; the JSON report lists all causes."
BOOST_AUTO_TEST_CASE(of_any_that_apply_the_first_wins_and_all_are_told) {
    const std::pair<int, Wrong> in_order[]{
        {2, whole(FailureKind::usage)},
        {5, whole(FailureKind::network)},
        {130, signal_of(SIGINT)},
        {143, signal_of(SIGTERM)},
        {3, is_not_pushed},
        {4, reached_its_deadline},
        {1, does_not_build},
    };
    for (unsigned chosen = 1; chosen < 1U << std::size(in_order); ++chosen) {
        if (chosen & 4U && chosen & 8U) continue; // one signal ends a run
        Trial trial;
        int first = 0;
        std::size_t causes = 0;
        for (std::size_t i = 0; i < std::size(in_order); ++i)
            if (chosen & 1U << i) {
                in_order[i].second(trial);
                if (first == 0) first = in_order[i].first;
                ++causes;
            }
        BOOST_TEST(code_of(trial) == first, "of set " << chosen << ": " << code_of(trial));
        BOOST_TEST(trial.verdict().causes.size() == causes, "of set " << chosen);
    }
}

BOOST_AUTO_TEST_CASE(what_fail_on_leaves_out_is_told_and_fails_nothing) {
    const std::pair<options::FailureCause, Wrong> rows[]{{options::FailureCause::evaluate, does_not_evaluate},
                                                         {options::FailureCause::build, does_not_build},
                                                         {options::FailureCause::push, is_not_pushed},
                                                         {options::FailureCause::push, with_mirror(false, 1, 0)},
                                                         {options::FailureCause::incomplete, lacks_a_path},
                                                         {options::FailureCause::deadline, reached_its_deadline},
                                                         {options::FailureCause::check, [](Trial& trial) {
                                                              report::TargetReport check;
                                                              check.name = "flake:packages";
                                                              check.verdict = TargetVerdict::not_evaluated;
                                                              check.is_check = true;
                                                              trial.report.targets.push_back(check);
                                                          }}};
    for (const auto& [cause, wrong] : rows) {
        Trial trial;
        wrong(trial);
        BOOST_TEST(code_of(trial) != 0);
        trial.rules.fail_on.erase(cause);
        auto verdict = trial.verdict();
        BOOST_TEST((verdict.code == options::ExitCode::complete));
        BOOST_TEST(verdict.excused.size() == 1U);
        BOOST_TEST(verdict.excused[0].hint == "not in fail-on");
    }
    // No rule excuses these.
    for (const auto& wrong : {whole(FailureKind::eval), whole(FailureKind::network), signal_of(SIGINT)}) {
        Trial trial;
        trial.rules.fail_on.clear();
        wrong(trial);
        BOOST_TEST(code_of(trial) != 0);
    }
}

BOOST_AUTO_TEST_CASE(what_was_cut_short_is_not_blamed_for_what_it_did_not_come_to) {
    const Wrong cuts[]{signal_of(SIGTERM), reached_its_deadline, [](Trial& trial) {
                           trial.report.superseded_by = "https://github.com/kim/fleet/actions/runs/2";
                       }};
    for (const auto& cut : cuts) {
        Trial trial;
        cut(trial);
        auto causes = trial.verdict().causes;
        does_not_evaluate(trial);
        lacks_a_path(trial);
        BOOST_TEST(trial.verdict().causes == causes);
    }
    Trial trial; // what was to go up and was not: the signal is why
    trial.ending.signal = SIGINT;
    with_push(PushOutcome::not_pushed)(trial);
    BOOST_TEST(trial.verdict().causes.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_another_machine_has_to_build_fails_only_who_asked_for_it) {
    struct Row {
        bool named, left_to_others, require_all;
        Command command;
        int code;
    };
    const Row rows[]{
        {false, false, false, Command::run, 0}, {true, false, false, Command::run, 1},
        {true, false, false, Command::plan, 0}, {true, true, false, Command::run, 0},
        {false, false, true, Command::run, 1},  {false, false, true, Command::plan, 1},
    };
    for (const auto& row : rows) {
        Trial trial;
        trial.report.command = row.command;
        trial.rules.require_all = row.require_all;
        trial.target().verdict = TargetVerdict::elsewhere;
        trial.target().named_exactly = row.named;
        trial.target().left_to_others = row.left_to_others;
        BOOST_TEST(code_of(trial) == row.code);
    }
    Trial trial; // incomplete for want of another machine is no hole in the cache
    lacks_a_path(trial);
    with_build(BuildOutcome::elsewhere)(trial);
    trial.report.builds.back().targets = {trial.target().name};
    BOOST_TEST(code_of(trial) == 1);
}

BOOST_AUTO_TEST_CASE(a_selection_that_leaves_nothing_is_a_typing_error) {
    Trial trial;
    trial.rules.systems = {"x86_64-linus"};
    for (auto& target : trial.report.targets) {
        target.verdict = TargetVerdict::elsewhere;
        target.left_to_others = true;
    }
    BOOST_TEST(code_of(trial) == 2);
    trial.report.targets[0].left_to_others = false;
    BOOST_TEST(code_of(trial) == 0);
}

BOOST_AUTO_TEST_CASE(trust_counts_where_it_is_asked_for) {
    Trial trial;
    trial.target().trusted = false;
    BOOST_TEST(code_of(trial) == 0);
    trial.rules.strict_trust = true;
    BOOST_TEST(code_of(trial) == 1);
}

BOOST_AUTO_TEST_CASE(a_machine_that_builds_nothing_and_a_full_disk_are_its_own_fault) {
    Trial idle;
    idle.ending.nobody_builds = "max-jobs is 0";
    BOOST_TEST(code_of(idle) == 5);
    idle.report.command = Command::plan;
    BOOST_TEST(code_of(idle) == 0);
    Trial full;
    does_not_build(full);
    full.report.builds.back().disk_was_full = true;
    BOOST_TEST(code_of(full) == 5);
    Trial away;
    does_not_build(away);
    away.report.builds.back().builder_failed = true;
    BOOST_TEST(code_of(away) == 5);
}

BOOST_AUTO_TEST_CASE(a_plan_with_work_fails_where_a_script_asks) {
    const Wrong would_push = [](Trial& trial) {
        with_push(PushOutcome::not_pushed)(trial);
        trial.report.pushes.back().planned = true;
    };
    for (const auto& work : {with_build(BuildOutcome::not_started), would_push})
        for (bool asks : {false, true}) {
            Trial trial;
            trial.report.command = Command::plan;
            trial.rules.plan_with_work_fails = asks;
            BOOST_TEST(code_of(trial) == 0);
            work(trial);
            BOOST_TEST(code_of(trial) == (asks ? 1 : 0));
        }
}

BOOST_AUTO_TEST_SUITE_END()
