#include "app/ci_siblings.hpp"
#include "app/ci_substituter.hpp"
#include "app/commands/commands.hpp"
#include "app/hand_out.hpp"
#include "async/together.hpp"
#include "base/named_output.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "fill/run.hpp"
#include "github/file_commands.hpp"
#include "options/exit_code.hpp"
#include "report/github_log.hpp"
#include "report/outputs.hpp"
#include "report/run_report.hpp"
#include "report/summary.hpp"

#include <optional>
#include <utility>

namespace cachefill::app {

using async::Task;

namespace {

constexpr std::size_t columns_of_a_log = 160; // of GitHub's, before it wraps

void annotate(CommandContext& context, const event::Message& message) {
    github::Annotation annotation;
    annotation.level = message.severity == event::Severity::error     ? github::Level::error
                       : message.severity == event::Severity::warning ? github::Level::warning
                                                                      : github::Level::notice;
    annotation.message = message.text + (message.hint.empty() ? "" : "\n" + message.hint);
    context.console.github_log()->annotate(std::move(annotation));
}

// Annotations of the lowest level are for what explains a whole run; notices of its parts are lines of the log.
void remark(CommandContext& context, const event::Message& message) {
    context.session.sink().on_event(message);
    if (message.severity == event::Severity::notice) annotate(context, message); // others the log has made one of
}

void annotate_what_matters(CommandContext& context, const report::RunReport& report) {
    auto annotate = [&context](std::string text, github::Level level = github::Level::notice) {
        github::Annotation annotation;
        annotation.level = level;
        annotation.message = std::move(text);
        context.console.github_log()->annotate(std::move(annotation));
    };
    // What does not evaluate or build, and what a message said, has annotations of its own.
    if (report.exit_code == static_cast<int>(options::ExitCode::not_in_cache))
        annotate(join(report.causes, "\n"), github::Level::error);
    if (!report.superseded_by.empty()) annotate("superseded by a newer run, which waits: " + report.superseded_by);
    if (!report.not_fetchable_here.empty())
        annotate(counted(report.not_fetchable_here.size(), "path") +
                 " were built although a cache has them, because this machine's Nix does not use it; the summary names "
                 "them");
}

std::vector<std::pair<std::string, std::string>> no_shards() {
    return {{"matrix", ""}, {"shards", ""}, {"bundle", ""}};
}

// Into the files that the runner named. What cannot be written is worth an error, never the run.
std::vector<Failure> hand_over(const github::Context& step, const report::RunReport& report,
                               const std::string& report_file, const HandedOut* handed_out, bool started_again) {
    std::vector<Failure> failures;
    auto keep = [&failures](Result<void> result, const char* doing) {
        if (!result) failures.push_back(std::move(result).error().with_context(doing));
    };
    if (!step.output_file.empty()) {
        auto outputs = report::step_outputs(report);
        outputs.emplace_back("rerun", started_again ? "true" : "false");
        outputs.emplace_back("trusted", step.is_trusted() ? "true" : "false");
        outputs.emplace_back("report", report_file);
        // Empty where no plan was made: a job that starts shards tells that from "0", none needed.
        for (auto& output : handed_out ? handed_out->step_outputs() : no_shards()) outputs.push_back(std::move(output));
        for (const auto& [name, value] : outputs) {
            keep(github::set_output(step.output_file, name, value), "writing the outputs of the step");
            if (!failures.empty()) break; // it would be the same for each, and GitHub shows few annotations of a step
        }
    }
    if (!step.summary_file.empty()) {
        report::SummarySettings settings;
        settings.run_url = step.run_url();
        settings.report_file = report_file;
        if (handed_out) settings.shards = report::shards_markdown(handed_out->cut);
        keep(github::append_summary(step.summary_file, report::to_markdown(report, settings)),
             "writing the summary of the step");
    }
    return failures;
}

// Where shards are asked for, and the plan is one to cut; what goes wrong is in the report then.
Task<std::optional<HandedOut>> hand_out_if_asked(fill::Run& run, report::RunReport& report, CommandContext& context) {
    bool is_asked = context.session.settings().is_for_shards() && !run.is_interrupted() && can_hand_out(run, report);
    if (!is_asked) co_return std::nullopt;
    auto handed_out = co_await hand_out(run, context.session, Followed::by_last_job);
    if (handed_out) co_return std::move(*handed_out);
    auto failure = std::move(handed_out).error().with_context("handing the plan to shards");
    report.exit_code = static_cast<int>(options::exit_code_for(failure.kind()));
    report.causes.push_back(failure.one_line());
    context.console.print_error(failure);
    co_return std::nullopt;
}

} // namespace

Task<int> ci_command(CommandContext& context) {
    const auto& setup = *context.ci;
    const auto& settings = context.session.settings();
    auto tell = [&context](const event::Message& message) { remark(context, message); };
    // Already now: the step that keeps what was learnt goes by it, also when this one is killed.
    if (const auto& file = setup.github.output_file; !file.empty())
        (void)github::set_output(file, "trusted", setup.github.is_trusted() ? "true" : "false");
    for (const auto& message : setup.remarks) tell(message);
    Siblings siblings(context.session, setup, tell);
    bool only_plans = settings.dry_run || settings.is_for_shards();
    fill::Run run(context.session, only_plans ? fill::Extent::plan : fill::Extent::fill);
    context.on_signal = [&run](int signal) { run.interrupt(signal); };
    auto execute = [](fill::Run& all, async::TaskGroup& group) -> Task<void> {
        co_await all.execute();
        group.cancel();
    };
    auto both = [&](async::TaskGroup& group) {
        group.spawn(siblings.watch(run));
        group.spawn(execute(run, group));
    };
    co_await async::together(both);
    if (auto message = offer_substituter(context.session)) context.session.sink().on_event(*message);
    auto report = run.report();
    bool again = !run.is_interrupted() && co_await siblings.start_again(report);
    auto handed_out = co_await hand_out_if_asked(run, report, context);
    context.on_signal = {};
    // What `fail-on` leaves out is judged at the end, and nothing has said it so far.
    for (const auto& message : report.messages)
        if (message.severity == event::Severity::warning) annotate(context, message);
    report = context.console.completed(std::move(report));
    annotate_what_matters(context, report);
    for (const auto& failure :
         hand_over(setup.github, report, settings.json, handed_out ? &*handed_out : nullptr, again))
        context.console.print_error(failure);
    co_return context.console.close_with(std::move(report),
                                         handed_out ? handed_out->text(columns_of_a_log) : std::string());
}

int refuse_step(const Failure& failure, const Environment& environment, const std::string& json) {
    auto step = github::read_context(environment);
    report::RunReport report;
    report.command = report::Command::run;
    report.version = version;
    report.exit_code = static_cast<int>(options::exit_code_for(failure.kind()));
    report.causes.push_back(failure.one_line());
    report.messages.push_back({.severity = event::Severity::error, .text = failure.one_line(), .hint = failure.hint()});
    report::DisplaySettings settings;
    settings.stream = stdout;
    auto log = report::make_github_log(settings);
    log->on_event(report.messages.front());
    auto failures = hand_over(step, report, json, nullptr, false);
    if (!json.empty() && json != "-")
        if (auto written = write_named_file(json, report::to_json(report) + "\n"); !written)
            failures.push_back(std::move(written).error().with_context("writing the report"));
    for (const auto& other : failures) {
        event::Message message{.severity = event::Severity::error, .text = other.one_line(), .hint = other.hint()};
        log->on_event(message);
    }
    log->conclude(render(failure) + "\n");
    return report.exit_code;
}

} // namespace cachefill::app
