#include "app/commands/commands.hpp"
#include "app/terminal_asker.hpp"
#include "async/child_process.hpp"
#include "base/text.hpp"
#include "doctor/doctor.hpp"
#include "doctor/doctor_report.hpp"
#include "options/exit_code.hpp"
#include "report/run_report.hpp"
#include "session/lock_copy.hpp"

#include <algorithm>

namespace cachefill::app {

using async::Task;

namespace {

// Of what would be compiled, whether the user lets it.
bool is_allowed(const doctor::Examination& examination, const options::Settings& settings) {
    std::chrono::milliseconds left{};
    for (const auto& heavy : examination.evidence.heavy) {
        bool named = std::any_of(settings.allow.begin(), settings.allow.end(),
                                 [&](const auto& pattern) { return glob_match(pattern, heavy.name); });
        if (!named) left += heavy.expected.time;
    }
    return left <= std::chrono::minutes(settings.max_minutes);
}

// Whoever types 'ls' gets to know what is looked at all the same; a script that switches may be anything.
std::optional<event::Message> remark_on(const options::SwitchCommand& command, const options::Settings& settings) {
    const auto& flags = settings.typed.flags;
    bool is_described = flags.contains("kind") || flags.contains("flake");
    if (command.tool != options::SwitchTool::other || is_described) return {};
    return event::Message{.severity = event::Severity::notice,
                          .text = "'" + sanitize(redact_url(command.words.front())) +
                                  "' is no command that cachefill knows to switch a machine (nh, nixos-rebuild, "
                                  "home-manager, darwin-rebuild), so this machine's host is looked at",
                          .hint = "--flake and --kind say what it switches to"};
}

// A path of another kind of host, or of a home that may be another user's, is never handed on.
bool takes_this(const options::SwitchCommand& command, const eval::TargetRef& target) {
    bool may_be_anothers = target.kind == eval::TargetKind::home && !command.user.empty();
    return command.takes_path && command.kind == target.kind && !may_be_anothers;
}

// --ask: the table, and whether to go on all the same. Empty: nobody was asked, for there is no terminal.
Task<std::optional<bool>> ask_whether_wanted(const doctor::Examination& examination, CommandContext& context) {
    const auto& settings = context.session.settings();
    if (!settings.ask || !examination.failures.empty()) co_return std::nullopt;
    auto terminal = TerminalAsker::find(context.session.executor());
    if (!terminal) co_return std::nullopt;
    context.console.stop_drawing();
    context.console.say(stdout, sanitize(to_text(examination, settings.verbose) + compiled_table(examination)));
    auto answer = co_await terminal->ask("Compile it here all the same? [y/N] ");
    auto word = to_lower(trim(answer.value_or("")));
    co_return word == "y" || word == "yes";
}

} // namespace

Task<int> guard_command(CommandContext& context) {
    auto& session = context.session;
    const auto& settings = session.settings();
    const auto& guarded = *settings.switches;
    // Before a minute goes into finding out what would be run in vain.
    if (!async::find_program(guarded.words.front(), session.environment())) {
        context.console.print_error(Failure(
            FailureKind::usage, "there is no program '" + sanitize(redact_url(guarded.words.front())) + "' on PATH"));
        co_return static_cast<int>(options::ExitCode::usage);
    }
    if (auto remark = remark_on(guarded, settings)) context.console.sink().on_event(*remark);
    std::unique_ptr<session::LockCopy> copy;
    if (settings.update) {
        auto made = co_await session::LockCopy::make(session);
        if (!made) {
            context.console.print_error(made.error());
            co_return static_cast<int>(options::ExitCode::machine);
        }
        copy = std::move(*made);
    }
    doctor::Doctor doctor(session, copy.get());
    auto examination = co_await doctor.examine();
    co_await doctor.find_changes(examination);
    bool may_run = examination.failures.empty() && is_allowed(examination, settings);
    auto wanted = may_run ? std::optional<bool>() : co_await ask_whether_wanted(examination, context);
    may_run = may_run || wanted.value_or(false);
    // What was asked about has just been shown.
    auto told = wanted ? std::string() : to_text(examination, settings.verbose);
    if (!may_run) {
        auto text = told;
        if (copy) text += "flake.lock stays as it is\n";
        text += "not run: " + guarded.text() + "\n";
        co_return context.console.close_with_answer(exit_code_of(examination), text, to_json(examination));
    }
    if (copy) {
        auto adopted = copy->adopt();
        if (!adopted) {
            context.console.print_error(adopted.error());
            co_return static_cast<int>(options::ExitCode::machine);
        }
    }
    context.replacement = guarded.words;
    auto text = told;
    // What is given by its path is fetched whatever is local by design, and is not evaluated again.
    if (takes_this(guarded, doctor.evaluated().target) && examination.is_healthy()) {
        auto fetched = co_await doctor.fetch_output();
        if (fetched)
            context.replacement = guarded.with_path(doctor.output());
        else if (settings.verbose)
            text += "not given by its path: " + fetched.error().one_line() + "\n";
    }
    auto running = guarded;
    running.words = context.replacement;
    text += "running: " + running.text() + "\n";
    auto code =
        context.console.close_with_answer(static_cast<int>(options::ExitCode::complete), text, to_json(examination));
    if (code != 0) context.replacement.clear();
    co_return code;
}

} // namespace cachefill::app
