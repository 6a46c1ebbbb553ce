#include "app/pull_request_comment.hpp"

#include "base/text.hpp"
#include "github/context.hpp"
#include "github/followed_run.hpp"
#include "github/pull_requests.hpp"
#include "options/settings.hpp"
#include "report/comment.hpp"

#include <algorithm>

namespace cachefill::app {

using async::Task;

namespace {

// What the event of this step is about.
struct Subject {
    github::Context context;
    std::optional<github::FollowedRun> followed;

    std::string commit() const { return followed ? followed->head_sha : context.head_sha; }
    std::string run_url() const {
        if (!followed) return context.run_url();
        if (followed->id == 0) return {};
        return context.server_url + "/" + context.repository + "/actions/runs/" + std::to_string(followed->id);
    }
    // GitHub gives these a token that may only read, whatever `permissions` says.
    bool may_only_read() const {
        bool is_handed_nothing = context.is_pull_request() && context.event != "pull_request_target";
        return is_handed_nothing && (!context.is_trusted() || context.from_dependabot);
    }
};

// Why there is nothing to do, as far as that is known without asking.
std::string why_not(const Subject& subject) {
    if (subject.may_only_read())
        return "not from here: the token of this pull request may only read; a workflow that follows this run can "
               "comment (docs/notify.md)";
    const auto& followed = subject.followed;
    bool follows_one = followed && !followed->head_repository.empty() && github::is_pull_request_event(followed->event);
    if (subject.context.pull_request == 0 && !follows_one) return "none, for this event is about no pull request";
    return {};
}

// The pull requests whose newest commit is the one that was reported of.
Task<Result<std::vector<std::uint64_t>>> numbers_of(github::PullRequestsApi& api, const Subject& subject) {
    std::vector<github::PullRequest> candidates;
    if (const auto& followed = subject.followed) {
        CO_TRY(found, co_await api.open_with_head(followed->head_repository, followed->head_branch));
        candidates = std::move(found);
    } else {
        CO_TRY(found, co_await api.pull_request(subject.context.pull_request));
        if (found) candidates.push_back(std::move(*found));
    }
    std::vector<std::uint64_t> numbers;
    for (const auto& candidate : candidates)
        if (candidate.head_sha == subject.commit()) numbers.push_back(candidate.number);
    co_return numbers;
}

std::string_view in_words(github::CommentOutcome outcome) {
    switch (outcome) {
    case github::CommentOutcome::posted:
        return "posted";
    case github::CommentOutcome::edited:
        return "brought up to date";
    case github::CommentOutcome::unchanged:
        return "says so already";
    case github::CommentOutcome::not_worth:
        break;
    }
    return "none, for there is nothing to say";
}

} // namespace

Task<Result<std::string>> comment_on_pull_request(session::Session& session, const report::Joined& joined) {
    Subject subject{.context = github::read_context(session.environment()),
                    .followed = github::followed_run(session.environment())};
    const auto& context = subject.context;
    auto repository = github::parse_remote(context.server_url + "/" + context.repository);
    if (!github::is_step(session.environment()) || !repository)
        co_return Failure(FailureKind::usage, "CACHEFILL_COMMENT is true, and this is no step of GitHub Actions")
            .with_hint("elsewhere, --json and --html write what can be shown");
    if (auto why = why_not(subject); !why.empty()) co_return why;
    report::CommentPlace place;
    place.commit = subject.commit();
    place.run_url = subject.run_url();
    place.is_foreign = !context.is_trusted();
    auto text = report::to_comment(joined, place);
    bool only_if_there = !report::is_worth_a_comment(joined);
    if (session.settings().dry_run) co_return "it would say:\n" + text;

    github::RestSettings settings;
    settings.api_url = context.api_url;
    settings.token = github::token_of_step(session.environment());
    if (!settings.token)
        co_return Failure(FailureKind::auth, "there is no token to comment with")
            .with_hint("hand one over as CACHEFILL_GITHUB_TOKEN, with pull-requests: write");
    github::RestClient rest(session.client(), std::move(settings));
    github::PullRequestsApi api(rest, *repository);
    CO_TRY(numbers, co_await numbers_of(api, subject));
    if (numbers.empty())
        co_return "left as it is: no open pull request has " + subject.commit().substr(0, 12) + " as its newest commit";
    std::vector<std::string> said;
    for (auto number : numbers) {
        CO_TRY(outcome,
               co_await github::keep_comment(api, number, std::string(report::comment_mark), text, only_if_there));
        said.push_back("#" + std::to_string(number) + " " + std::string(in_words(outcome)));
    }
    co_return join(said, ", ");
}

} // namespace cachefill::app
