#include "app/ci_siblings.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "event/event.hpp"
#include "options/settings.hpp"
#include "report/run_report.hpp"
#include "session/session.hpp"

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto usual_interval = 60s;
constexpr auto patience_after_the_run = 20s;

std::chrono::seconds interval_from(const Environment& environment) {
    return parse_duration(environment.get_or("CACHEFILL_GITHUB_INTERVAL")).value_or(usual_interval);
}

std::optional<github::Repository> repository_of(const github::Context& context) {
    return github::parse_remote(context.server_url + "/" + context.repository);
}

} // namespace

Siblings::Siblings(session::Session& session, const CiSetup& setup, std::function<void(const event::Message&)> remark)
    : session_(session), setup_(setup), remark_(std::move(remark)) {
    auto repository = repository_of(setup.github);
    if (setup.token.empty() || !repository || !github::can_see_siblings(setup.github)) return;
    github::RestSettings settings;
    settings.api_url = setup.github.api_url;
    settings.token = github::Token{.secret = setup.token, .source = "the environment"};
    settings.patience = patience_after_the_run;
    rest_.emplace(session.client(), std::move(settings));
    api_.emplace(*rest_, std::move(*repository));
}

void Siblings::say(event::Severity severity, std::string text, std::string hint) {
    event::Message message{.severity = severity, .text = std::move(text), .hint = std::move(hint)};
    remark_(message);
}

Task<void> Siblings::watch(fill::Run& run) {
    if (!api_ || !session_.settings().stop_when_superseded) co_return;
    auto newer = co_await github::wait_for_newer_run(*api_, setup_.github, interval_from(session_.environment()));
    if (newer) {
        run.supersede(newer->url);
        co_return;
    }
    event::Message message{.severity = event::Severity::info,
                           .text = "cannot see whether a newer run waits: " + newer.error().one_line(),
                           .hint = "it needs the permission actions: read"};
    session_.sink().on_event(message);
}

Task<bool> Siblings::start_again(const report::RunReport& report) {
    const auto& settings = session_.settings();
    if (settings.on_deadline != options::OnDeadline::rerun || !report.deadline_reached) co_return false;
    if (report.count(event::PushOutcome::published) == 0) {
        say(event::Severity::warning, "the workflow is not started again: this run came no further than the one before",
            "give it more time, or leave out with 'defer' what takes so long");
        co_return false;
    }
    if (!api_) {
        say(event::Severity::warning, "the workflow cannot be started again from here",
            setup_.token.empty() ? "hand it a token with actions: write (CACHEFILL_GITHUB_TOKEN)"
                                 : "that is possible on branches of this repository only");
        co_return false;
    }
    auto outcome = co_await github::start_again(*api_, setup_.github, settings.max_reruns);
    if (!outcome) {
        say(event::Severity::warning, "the workflow could not be started again: " + outcome.error().one_line(),
            "it needs 'workflow_dispatch' among its triggers, and permissions: {actions: write}");
        co_return false;
    }
    switch (*outcome) {
    case github::RerunOutcome::started:
        say(event::Severity::notice, "the deadline came first: the workflow was started again and goes on from here");
        co_return true;
    case github::RerunOutcome::already_running:
        say(event::Severity::notice, "a newer run of this workflow goes on from here");
        break;
    case github::RerunOutcome::used_up:
        say(event::Severity::warning, "the workflow has been started again " + counted(settings.max_reruns, "time") +
                                          " for this commit, which is the limit (max-reruns)");
        break;
    }
    co_return false;
}

} // namespace cachefill::app
