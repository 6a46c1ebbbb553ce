#include "app/commands/commands.hpp"
#include "app/deliver.hpp"
#include "app/pull_request_comment.hpp"
#include "app/report_input.hpp"
#include "app/voice.hpp"
#include "async/retry_policy.hpp"
#include "base/named_output.hpp"
#include "base/text.hpp"
#include "github/commands.hpp"
#include "github/context.hpp"
#include "options/exit_code.hpp"
#include "report/junit.hpp"
#include "report/notification.hpp"
#include "report/page.hpp"

#include <cstdio>
#include <fstream>

namespace cachefill::app {

using async::Task;

namespace {

void say(std::FILE* stream, const std::string& text) {
    std::fputs(text.c_str(), stream);
    std::fflush(stream);
}

// Each writes in turn to the same file, so it is appended to.
Result<void> append_summary(const std::string& path, const std::string& markdown) {
    std::ofstream file(path, std::ios::app | std::ios::binary);
    file << markdown << "\n";
    file.close();
    if (file) return {};
    return Failure(FailureKind::machine, "cannot write the summary to " + path);
}

Result<void> write_results(const options::Settings& settings, const Environment& environment,
                           const report::Joined& joined) {
    auto text_on = [&](std::FILE* stream) { say(stream, spoken_on(stream, report::to_text(joined), environment)); };
    if (settings.json == "-") {
        say(stdout, github::harmless_json(report::to_json(joined)) + "\n");
        if (!settings.quiet) text_on(stderr);
    } else {
        if (!settings.quiet || joined.worst() > event::Severity::info) text_on(stdout);
        if (!settings.json.empty()) TRY_VOID(write_named_file(settings.json, report::to_json(joined) + "\n"));
    }
    if (auto summary = environment.get_or("GITHUB_STEP_SUMMARY"); !summary.empty() && !settings.dry_run)
        TRY_VOID(append_summary(summary, report::to_markdown(joined)));
    return {};
}

Result<void> write_junit(const options::Settings& settings, const report::Joined& joined) {
    if (settings.junit.empty()) return {};
    return write_named_file(settings.junit, report::to_junit(joined));
}

Result<void> write_page(const options::Settings& settings, const report::Joined& joined) {
    if (settings.html.empty()) return {};
    if (settings.html == "-")
        return Failure(FailureKind::usage, "--html writes a file for a browser, and nothing to the standard output")
            .with_hint("name a file: --html report.html");
    TRY_VOID(write_named_file(settings.html, report::to_html(joined)));
    if (!settings.quiet) say(stderr, "the page is in " + sanitize(settings.html) + "\n");
    return {};
}

Task<Result<void>> notify(CommandContext& context, const report::Joined& joined) {
    const auto& settings = context.session.settings();
    const Secret url(context.session.environment().get_or("CACHEFILL_NOTIFY_URL"));
    auto format = report::format_for(url.reveal(), settings.notify_format);
    auto body = report::notification(joined, settings.notify_from, format);
    auto talk = [&](const std::string& line) {
        if (!settings.quiet) say(stderr, line + "\n");
    };
    if (!body) {
        talk("notification: nothing to say");
        co_return Result<void>();
    }
    if (settings.dry_run) {
        say(stdout, "notification (" + std::string(to_string(format)) + "):\n" + github::harmless_json(*body) + "\n");
        co_return Result<void>();
    }
    if (url.empty()) {
        // A workflow without the secret sets it all the same; at a desk nobody meant to send anything.
        bool is_meant = context.session.environment().variables().contains("CACHEFILL_NOTIFY_URL") ||
                        github::is_step(context.session.environment());
        if (is_meant) talk("notification: not configured (CACHEFILL_NOTIFY_URL is empty)");
        co_return Result<void>();
    }
    async::RetryPolicy policy;
    policy.budget = settings.retry_budget;
    auto sent = co_await deliver(context.session.client(), url, std::move(*body), policy);
    if (sent) talk("notification: sent (" + std::string(to_string(format)) + ")");
    co_return sent;
}

// What keeps a comment from being written is a warning: the jobs' results stay what they are.
Task<Result<void>> comment(CommandContext& context, const report::Joined& joined) {
    const auto& settings = context.session.settings();
    auto wish = context.session.environment().get_or("CACHEFILL_COMMENT");
    if (wish.empty() || wish == "false") co_return Result<void>();
    if (wish != "true") co_return Failure(FailureKind::usage, "CACHEFILL_COMMENT is neither true nor false");
    auto said = co_await comment_on_pull_request(context.session, joined);
    if (said) {
        if (!settings.quiet) say(stderr, github::harmless("comment: " + *said) + "\n");
        co_return Result<void>();
    }
    if (said.error().kind() == FailureKind::usage) co_return std::move(said).error();
    github::Annotation warning;
    warning.level = github::Level::warning;
    warning.title = "cachefill: no comment on the pull request";
    warning.message = said.error().one_line();
    if (!said.error().hint().empty()) warning.message += "\n" + said.error().hint();
    say(stderr, github::to_command(warning));
    co_return Result<void>();
}

} // namespace

Task<int> report_command(CommandContext& context) {
    const auto& settings = context.session.settings();
    auto input = read_join_input(settings, context.session.environment());
    if (!input) {
        context.console.print_error(input.error());
        co_return static_cast<int>(options::ExitCode::usage);
    }
    auto joined = report::join_reports(std::move(*input));
    int exit_code = joined.exit_code;
    // A message matters more when the results cannot be written, so all are tried and all are told.
    auto written = write_results(settings, context.session.environment(), joined);
    auto shown = write_page(settings, joined);
    auto as_junit = write_junit(settings, joined);
    auto notified = co_await notify(context, joined);
    auto commented = co_await comment(context, joined);
    for (const auto* outcome : {&written, &shown, &as_junit, &notified, &commented}) {
        if (*outcome) continue;
        context.console.print_error(outcome->error());
        bool is_usage = outcome->error().kind() == FailureKind::usage;
        if (exit_code != static_cast<int>(options::ExitCode::usage))
            exit_code = static_cast<int>(is_usage ? options::ExitCode::usage : options::ExitCode::machine);
    }
    co_return exit_code;
}

} // namespace cachefill::app
