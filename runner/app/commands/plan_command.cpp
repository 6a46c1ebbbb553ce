#include "app/commands/commands.hpp"
#include "app/hand_out.hpp"
#include "app/voice.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "fill/named.hpp"
#include "fill/run.hpp"
#include "github/context.hpp"
#include "github/file_commands.hpp"
#include "options/exit_code.hpp"
#include "options/typed.hpp"
#include "report/prose.hpp"
#include "report/run_report.hpp"
#include "report/style.hpp"

#include <algorithm>

namespace cachefill::app {

namespace {

constexpr std::size_t builds_shown = 20;
constexpr std::size_t explanations_shown = 5;

std::string plan_text(const fill::Run& run) {
    const auto& plan = run.plan();
    const auto& graph = run.graph();
    auto pushes = run.planned_pushes();
    if (plan.builds.empty() && pushes == 0) return {};
    std::string text;
    auto heavy = plan.builds;
    std::sort(heavy.begin(), heavy.end(), [](const auto& a, const auto& b) {
        return std::pair(b.expected.time, a.derivation) < std::pair(a.expected.time, b.derivation);
    });
    if (!heavy.empty()) text += "would build " + counted(heavy.size(), "derivation") + ", heaviest first:\n";
    for (std::size_t i = 0; i < std::min(heavy.size(), builds_shown); ++i) {
        const auto& derivation = graph.derivation(heavy[i].derivation);
        std::string line = "  " + std::string(derivation.name());
        line.resize(std::max<std::size_t>(line.size() + 2, 44), ' ');
        line += std::string(plan::to_string(derivation.kind));
        line.resize(std::max<std::size_t>(line.size() + 2, 62), ' ');
        const auto& expected = heavy[i].expected;
        text += line + (expected.measured ? "about " + human_duration(expected.time) : "not known") + "\n";
    }
    if (heavy.size() > builds_shown)
        text += "  … and " + counted(heavy.size() - builds_shown, "other") + " (--json lists all)\n";
    if (!plan.fetches.empty())
        text += "would fetch " + counted(plan.fetches.size(), "path") + ", " + human_bytes(plan.bytes_to_fetch) +
                " at least\n";
    if (pushes > 0)
        text += "would push " + counted(pushes, "path") + (pushes == 1 ? " that is" : " that are") + " here already\n";
    const auto measured = plan.builds.size() - plan.unmeasured;
    if (measured > 0)
        text += "expected: " + human_duration(plan.measured_total) + " of work, longest chain " +
                human_duration(plan.measured_chain) + "\n";
    if (plan.unmeasured > 0)
        text += (measured > 0 ? "          and " : "expected: ") + counted(plan.unmeasured, "build") +
                " of unknown length, never built here before\n";
    return text + "\n";
}

// What does what was planned, for the same hosts; empty if there is nothing to do.
std::string command_to_run(const fill::Run& run, const options::Settings& settings) {
    if (run.plan().builds.empty() && run.planned_pushes() == 0) return {};
    auto given = settings.typed.flags.find("hosts");
    return options::command_to_fill(settings,
                                    given == settings.typed.flags.end() ? std::vector<std::string>() : given->second);
}

// What --why asks for; empty if nothing is called that.
std::vector<report::Explanation> explain(const fill::Run& run, const std::string& text, std::size_t& others) {
    std::vector<report::Explanation> explanations;
    auto uncounted = [&run](plan::PathId id) { return run.where_it_does_not_count(id); };
    auto found = fill::find_named(run.graph(), run.plan_targets(), run.plan(), text);
    others = found.size() - std::min(found.size(), explanations_shown);
    found.erase(found.end() - static_cast<std::ptrdiff_t>(others), found.end());
    for (const auto& path : found)
        explanations.push_back(
            {.subject = path.to_string(),
             .sentences = plan::explain(run.graph(), run.facts(), run.plan_targets(), run.plan(), path, uncounted)});
    return explanations;
}

std::string text_of(const std::vector<report::Explanation>& explanations, std::size_t others) {
    std::string text;
    for (const auto& explanation : explanations) text += join(explanation.sentences, "\n") + "\n\n";
    if (others > 0) text += "… and " + counted(others, "other") + " of that name; give more of it, or a store path\n\n";
    return text;
}

Failure nothing_is_called(const fill::Run& run, const std::string& text) {
    Failure failure(FailureKind::usage, "nothing that these hosts need is called '" + sanitize(text) + "'");
    auto meant = fill::similar_name(run.graph(), text);
    return std::move(failure).with_hint(
        meant ? "did you mean '" + *meant + "'?"
              : "give a name (firefox, firefox-119.0, 'linux-*'), a host, or a store path");
}

Result<void> check_answers(const options::Settings& settings) {
    if (!settings.is_for_shards() && !settings.bundle.empty())
        return Failure(FailureKind::usage, "--bundle writes what shards go by, and none are asked for")
            .with_hint("add --shards");
    if (!settings.is_for_shards()) return {};
    if (!settings.why.empty())
        return Failure(FailureKind::usage, "--why and --shards ask for different things").with_hint("ask one by one");
    if (settings.matrix && (settings.json == "-" || settings.events == "-"))
        return Failure(FailureKind::usage, "the matrix and --json or --events cannot both go to the standard output")
            .with_hint("name a file for one of them");
    return {};
}

// In a step of a workflow: for its later jobs.
Result<void> tell_step(const Environment& environment, const HandedOut& handed_out) {
    if (!github::is_step(environment)) return {};
    auto file = github::read_context(environment).output_file;
    if (file.empty()) return {};
    for (const auto& [name, value] : handed_out.step_outputs()) TRY_VOID(github::set_output(file, name, value));
    return {};
}

Result<Console::Answer> answer_of(HandedOut handed_out, const CommandContext& context) {
    const auto& settings = context.session.settings();
    if (settings.matrix)
        TRY_VOID(with_context(tell_step(context.session.environment(), handed_out), "writing the outputs of the step"));
    auto width = terminal_columns(context.console.stream_of_answers()).value_or(0);
    return Console::Answer{.text = handed_out.text(width),
                           .json = report::shards_json(handed_out.cut),
                           .line = std::move(handed_out.matrix),
                           .was_asked = !settings.matrix};
}

async::Task<int> close_with_shards(fill::Run& run, report::RunReport report, CommandContext& context) {
    if (!can_hand_out(run, report)) co_return context.console.close_with(std::move(report));
    auto handed_out = co_await hand_out(run, context.session, Followed::by_nobody);
    auto answer = handed_out ? answer_of(std::move(*handed_out), context)
                             : Result<Console::Answer>(std::move(handed_out).error());
    if (answer) co_return context.console.close_with(std::move(report), *answer);
    context.console.print_error(answer.error());
    co_return static_cast<int>(options::exit_code_for(answer.error().kind()));
}

} // namespace

async::Task<int> plan_command(CommandContext& context) {
    auto usable = check_answers(context.session.settings());
    if (!usable) {
        context.console.print_error(usable.error());
        co_return static_cast<int>(options::ExitCode::usage);
    }
    fill::Run run(context.session, fill::Extent::plan);
    context.on_signal = [&run](int signal) { run.interrupt(signal); };
    co_await run.execute();
    context.on_signal = {};
    auto report = run.report();
    if (context.session.settings().is_for_shards())
        co_return co_await close_with_shards(run, std::move(report), context);
    const auto& why = context.session.settings().why;
    // Without targets there is nothing to find anything in, and the report says why.
    if (why.empty()) report.run_command = command_to_run(run, context.session.settings());
    if (why.empty() || run.plan_targets().empty())
        co_return context.console.close_with(std::move(report), plan_text(run));
    std::size_t others = 0;
    report.why = explain(run, why, others);
    if (report.why.empty()) {
        context.console.print_error(nothing_is_called(run, why));
        co_return static_cast<int>(options::ExitCode::usage);
    }
    auto* stream = context.session.settings().json == "-" ? stderr : stdout;
    auto answer = report::wrap_sentences(text_of(report.why, others), terminal_columns(stream).value_or(0));
    co_return context.console.close_with(std::move(report), answer, true);
}

} // namespace cachefill::app
