#include "github/author.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <vector>

namespace cachefill::github {

namespace {

using Json = nlohmann::json;

// Caused by somebody who may write to the repository, and run on what lies in it.
constexpr std::array writers_events{
    std::string_view("push"),        std::string_view("schedule"), std::string_view("workflow_dispatch"),
    std::string_view("merge_group"), std::string_view("release"),  std::string_view("repository_dispatch")};
// Those whose follow-up (workflow_run) says all there is to know of the code. Of others, such as a comment, the
// payload is out of reach by then.
constexpr std::array followed_events{std::string_view("push"),         std::string_view("schedule"),
                                     std::string_view("merge_group"),  std::string_view("release"),
                                     std::string_view("pull_request"), std::string_view("workflow_dispatch")};

template <std::size_t count> bool is_one_of(const std::array<std::string_view, count>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

const Json& member(const Json& object, const char* key) {
    static const Json nothing;
    if (!object.is_object()) return nothing;
    auto it = object.find(key);
    return it == object.end() ? nothing : *it;
}

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

struct Origins {
    std::vector<const Json*> pull_requests, heads, workflow_runs;
    std::deque<Json> documents; // those that stood in texts
};

// A sender writes "pull_request", "pullRequest" or "pull-request".
std::string word_of(std::string_view key) {
    auto word = to_lower(key);
    std::erase_if(word, [](char c) { return c == '_' || c == '-'; });
    return word;
}

// That of a pull request that was taken out of it. (What a workflow_run says of pull requests has no full names.)
bool is_head(const Json& value) {
    if (!value.is_object() || !value.contains("repo")) return false;
    return value["repo"].is_null() || !member(value["repo"], "full_name").is_null();
}

// Where a payload names code. What the sender of a repository_dispatch passes on has no fixed shape; bots for commands
// in comments, and workflows that follow others, put whole payloads there, or their text.
Origins origins_in(const Json& payload) {
    Origins found;
    auto take = [](std::vector<const Json*>& list, const Json& value) {
        if (!value.is_null()) list.push_back(&value);
    };
    take(found.pull_requests, member(payload, "pull_request"));
    take(found.pull_requests, member(member(payload, "issue"), "pull_request"));
    std::vector<const Json*> open{&member(payload, "client_payload")};
    while (!open.empty()) {
        const auto& here = *open.back();
        open.pop_back();
        if (auto document = text(here); trim(document).starts_with('{') || trim(document).starts_with('[')) {
            open.push_back(&found.documents.emplace_back(Json::parse(document, nullptr, false)));
            continue;
        }
        if (!here.is_structured()) continue;
        for (const auto& [key, value] : here.items()) {
            auto word = word_of(key);
            if (word == "pullrequest") take(found.pull_requests, value);
            if (word == "workflowrun") take(found.workflow_runs, value);
            if (word == "head" && is_head(value)) found.heads.push_back(&value);
            if (key != "_links") open.push_back(&value); // only addresses: review._links.pull_request
        }
    }
    return found;
}

// A deleted fork has no repository any more; it is one all the same.
Author author_of_head(const Json& head, std::string_view repository) {
    auto from = text(member(member(head, "repo"), "full_name"));
    return !from.empty() && iequals(from, repository) ? Author::repository : Author::fork;
}

Author author_of_pull_request(const Json& pull_request, std::string_view repository) {
    const auto& head = member(pull_request, "head");
    // Of a comment on a pull request the payload has addresses alone.
    return head.is_null() ? Author::unknown : author_of_head(head, repository);
}

Author author_of_workflow_run(const Json& run, std::string_view repository) {
    auto from = text(member(member(run, "head_repository"), "full_name"));
    if (from.empty() || !iequals(from, repository)) return Author::fork;
    return is_one_of(followed_events, text(member(run, "event"))) ? Author::repository : Author::unknown;
}

} // namespace

bool is_pull_request_event(std::string_view event) {
    return event == "pull_request" || event == "pull_request_target" || event == "pull_request_review" ||
           event == "pull_request_review_comment";
}

bool passes_on_foreign_events(const Json& payload) {
    if (!payload.is_object()) return false;
    auto only = Json::object();
    only["client_payload"] = member(payload, "client_payload");
    auto origins = origins_in(only);
    return !origins.pull_requests.empty() || !origins.heads.empty() || !origins.workflow_runs.empty();
}

Author author_of(std::string_view event, std::string_view repository, const Json& payload) {
    // One without its pull request cannot be told from a fork's.
    if (is_pull_request_event(event) && member(member(payload, "pull_request"), "head").is_null()) return Author::fork;
    if (!payload.is_null() && !payload.is_object()) return Author::unknown;
    auto origins = origins_in(payload);
    for (const auto* pull_request : origins.pull_requests)
        if (auto author = author_of_pull_request(*pull_request, repository); author != Author::repository)
            return author;
    for (const auto* head : origins.heads)
        if (author_of_head(*head, repository) == Author::fork) return Author::fork;
    for (const auto* run : origins.workflow_runs)
        if (auto author = author_of_workflow_run(*run, repository); author != Author::repository) return author;
    if (event == "workflow_run") return author_of_workflow_run(member(payload, "workflow_run"), repository);
    bool is_known = is_pull_request_event(event) || is_one_of(writers_events, event);
    return is_known ? Author::repository : Author::unknown;
}

} // namespace cachefill::github
