#include "github/pull_requests.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::github {

using async::Task;
using nlohmann::json;

namespace {

// The value at the end of `keys`; null wherever the way there ends early.
const json& at(const json& object, std::initializer_list<const char*> keys) {
    static const json nothing;
    const json* here = &object;
    for (const auto* key : keys) {
        auto it = here->find(key); // of what is no object: the end
        if (it == here->end()) return nothing;
        here = &*it;
    }
    return *here;
}

std::string text_at(const json& object, std::initializer_list<const char*> keys) {
    const auto& value = at(object, keys);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::uint64_t number_at(const json& object, const char* key) {
    const auto& value = at(object, {key});
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

Failure nonsense(std::string_view what) {
    return Failure(FailureKind::protocol, "GitHub described " + std::string(what) + " in a form that is not understood")
        .with_hint("is GITHUB_API_URL, if set, the address of GitHub's REST API?");
}

Result<PullRequest> read_pull_request(const json& object) {
    PullRequest pull_request;
    pull_request.number = number_at(object, "number");
    pull_request.head_sha = text_at(object, {"head", "sha"});
    pull_request.head_repository = text_at(object, {"head", "repo", "full_name"});
    if (pull_request.number == 0 || pull_request.head_sha.empty()) return nonsense("a pull request");
    return pull_request;
}

// Apps can write only where somebody has installed them; these words are GitHub's for who belongs to a repository.
bool is_no_stranger(const json& comment) {
    if (text_at(comment, {"user", "type"}) == "Bot") return true;
    auto association = text_at(comment, {"author_association"});
    return association == "OWNER" || association == "MEMBER" || association == "COLLABORATOR";
}

} // namespace

std::string PullRequestsApi::path(std::string_view below) const {
    return "/repos/" + percent_encode(repository_.owner) + "/" + percent_encode(repository_.name) + std::string(below);
}

Task<Result<std::optional<PullRequest>>> PullRequestsApi::pull_request(std::uint64_t number) {
    CO_TRY(found, co_await rest_.find(path("/pulls/" + std::to_string(number))));
    if (!found) co_return std::optional<PullRequest>();
    CO_TRY(pull_request, read_pull_request(*found));
    co_return std::optional<PullRequest>(std::move(pull_request));
}

Task<Result<std::vector<PullRequest>>> PullRequestsApi::open_with_head(std::string head_repository,
                                                                       std::string branch) {
    // GitHub wants the owner, and forks of one owner may have the same branch.
    auto head = head_repository.substr(0, head_repository.find('/')) + ":" + branch;
    CO_TRY(items, co_await rest_.get_pages(path("/pulls?state=open&per_page=100&head=" + percent_encode(head)), ""));
    std::vector<PullRequest> pull_requests;
    for (const auto& item : items) {
        CO_TRY(pull_request, read_pull_request(item));
        if (pull_request.head_repository == head_repository) pull_requests.push_back(std::move(pull_request));
    }
    co_return pull_requests;
}

Task<Result<std::vector<Comment>>> PullRequestsApi::comments(std::uint64_t number) {
    auto url = path("/issues/" + std::to_string(number) + "/comments?per_page=100");
    CO_TRY(items, co_await rest_.get_pages(std::move(url), "", most_comments));
    std::vector<Comment> comments;
    for (const auto& item : items) {
        Comment comment;
        comment.id = number_at(item, "id");
        comment.body = text_at(item, {"body"});
        comment.is_ours = is_no_stranger(item);
        if (comment.id == 0) co_return nonsense("a comment");
        comments.push_back(std::move(comment));
    }
    co_return comments;
}

// The REST client knows nothing of what this needs.
Failure PullRequestsApi::explain(Failure failure) const {
    if (failure.http_status() != 403 || failure.retry_after() || !rest_.has_token()) return failure;
    return Failure(failure.kind(), failure.cause())
        .with_http_status(failure.http_status())
        .with_hint("the token needs the permission 'pull-requests: write' here");
}

Task<Result<void>> PullRequestsApi::post_comment(std::uint64_t number, std::string body) {
    json comment;
    comment["body"] = std::move(body);
    auto posted = co_await rest_.post(path("/issues/" + std::to_string(number) + "/comments"), std::move(comment));
    if (!posted) co_return explain(std::move(posted).error());
    co_return Result<void>();
}

Task<Result<void>> PullRequestsApi::edit_comment(std::uint64_t id, std::string body) {
    json comment;
    comment["body"] = std::move(body);
    auto edited = co_await rest_.patch(path("/issues/comments/" + std::to_string(id)), std::move(comment));
    if (!edited) co_return explain(std::move(edited).error());
    co_return Result<void>();
}

Task<Result<CommentOutcome>> keep_comment(PullRequestsApi& api, std::uint64_t pull_request, std::string mark,
                                          std::string text, bool only_if_there) {
    CO_TRY(comments, co_await api.comments(pull_request));
    auto is_it = [&](const Comment& comment) { return comment.is_ours && comment.body.starts_with(mark); };
    auto found = std::find_if(comments.begin(), comments.end(), is_it);
    if (found != comments.end()) {
        if (found->body == text) co_return CommentOutcome::unchanged;
        CO_TRY_VOID(co_await api.edit_comment(found->id, std::move(text)));
        co_return CommentOutcome::edited;
    }
    if (only_if_there) co_return CommentOutcome::not_worth;
    // It may stand behind those that were read: another one each time would be worse than none.
    if (comments.size() >= PullRequestsApi::most_comments)
        co_return Failure(FailureKind::protocol, "the pull request has more than " +
                                                     std::to_string(PullRequestsApi::most_comments) + " comments");
    CO_TRY_VOID(co_await api.post_comment(pull_request, std::move(text)));
    co_return CommentOutcome::posted;
}

} // namespace cachefill::github
