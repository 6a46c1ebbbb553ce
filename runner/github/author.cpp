#include "github/author.hpp"

#include "base/text.hpp"
#include "github/passed_on.hpp"

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
    bool is_unclear = false;    // something else that may be about other code
    std::deque<Json> documents; // those that stood in texts
};

// That of a pull request that was taken out of it. (What a workflow_run says of pull requests has no full names.)
bool is_head(const Json& value) {
    if (!value.is_object() || !value.contains("repo")) return false;
    return value["repo"].is_null() || !member(value["repo"], "full_name").is_null();
}

struct Passed {
    const Json* value;
    std::string name;       // that of the list for what stands in one
    bool is_judged = false; // part of something that is judged by its head
};

bool is_whole(std::string_view key, const Json& value) {
    auto word = plain_key(key);
    return value.is_object() && (word == "pullrequest" || word == "workflowrun");
}

// What stands in an object or a list, whose own place has been judged.
void open_passed(const Passed& passed, std::string_view repository, Origins& found, std::vector<Passed>& open) {
    const auto& here = *passed.value;
    auto items = here.items();
    bool is_event = here.is_object() && std::any_of(items.begin(), items.end(), [](const auto& entry) {
                        return is_whole(entry.key(), entry.value());
                    });
    for (const auto& entry : items) {
        const auto& value = entry.value();
        auto name = here.is_object() ? entry.key() : passed.name;
        auto word = here.is_object() ? plain_key(name) : std::string();
        bool is_pull_request = word == "pullrequest", is_run = word == "workflowrun";
        bool is_its_head = word == "head" && is_head(value);
        if (is_pull_request && !value.is_null()) found.pull_requests.push_back(&value);
        if (is_run && !value.is_null()) found.workflow_runs.push_back(&value);
        if (is_its_head) found.heads.push_back(&value);
        if (entry.key() == "_links") continue; // only addresses: review._links.pull_request
        bool is_taken = is_pull_request || is_run || is_its_head;
        bool is_known = is_taken || passed.is_judged || (is_event && is_companion(name, value, here, repository));
        if (!is_known && value.is_object()) {
            bool is_own = is_harmless_folder(name, value, repository);
            found.is_unclear |= !is_own;
            is_known = is_own && word == "repository"; // ours, whatever else GitHub says of it
        }
        open.push_back({&value, std::move(name), is_known});
    }
}

// Where a payload names code. What the sender of a repository_dispatch passes on has no fixed shape; bots for commands
// in comments, and workflows that follow others, put whole payloads there, or their text. What is neither one of these
// nor known to be harmless is unclear.
Origins origins_in(const Json& payload, std::string_view repository) {
    Origins found;
    auto take = [](std::vector<const Json*>& list, const Json& value) {
        if (!value.is_null()) list.push_back(&value);
    };
    take(found.pull_requests, member(payload, "pull_request"));
    take(found.pull_requests, member(member(payload, "issue"), "pull_request"));
    std::vector<Passed> open{{&member(payload, "client_payload"), {}, false}};
    while (!open.empty()) {
        auto passed = std::move(open.back());
        open.pop_back();
        const auto& value = *passed.value;
        if (value.is_structured()) {
            open_passed(passed, repository, found, open);
            continue;
        }
        auto document = value.is_string() ? trim(value.get_ref<const std::string&>()) : std::string_view();
        bool may_be_json = !document.empty() && std::string_view("{[\"").find(document.front()) != document.npos;
        auto parsed = may_be_json ? Json::parse(document, nullptr, false) : Json(Json::value_t::discarded);
        if (!parsed.is_discarded()) {
            passed.value = &found.documents.emplace_back(std::move(parsed));
            if (!passed.is_judged && passed.value->is_structured() &&
                !is_harmless_folder(passed.name, *passed.value, repository))
                found.is_unclear = true;
            open.push_back(std::move(passed));
        } else if (!passed.is_judged && !is_harmless(passed.name, value, repository)) {
            found.is_unclear = true;
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

bool is_run_of_writers(std::string_view event, std::string_view head_repository, std::string_view repository) {
    return is_one_of(writers_events, event) ||
           (is_pull_request_event(event) && !repository.empty() && iequals(head_repository, repository));
}

bool passes_on_foreign_events(const Json& payload, std::string_view repository) {
    if (!payload.is_object()) return false;
    auto only = Json::object();
    only["client_payload"] = member(payload, "client_payload");
    auto origins = origins_in(only, repository);
    return origins.is_unclear || !origins.pull_requests.empty() || !origins.heads.empty() ||
           !origins.workflow_runs.empty();
}

Author author_of(std::string_view event, std::string_view repository, const Json& payload) {
    // One without its pull request cannot be told from a fork's.
    if (is_pull_request_event(event) && member(member(payload, "pull_request"), "head").is_null()) return Author::fork;
    if (!payload.is_null() && !payload.is_object()) return Author::unknown;
    if (payload.is_null() && event == "repository_dispatch") return Author::unknown; // it may pass on anything
    auto origins = origins_in(payload, repository);
    for (const auto* pull_request : origins.pull_requests)
        if (auto author = author_of_pull_request(*pull_request, repository); author != Author::repository)
            return author;
    for (const auto* head : origins.heads)
        if (author_of_head(*head, repository) == Author::fork) return Author::fork;
    for (const auto* run : origins.workflow_runs)
        if (auto author = author_of_workflow_run(*run, repository); author != Author::repository) return author;
    if (origins.is_unclear) return Author::unknown;
    if (event == "workflow_run") return author_of_workflow_run(member(payload, "workflow_run"), repository);
    bool is_known = is_pull_request_event(event) || is_one_of(writers_events, event);
    return is_known ? Author::repository : Author::unknown;
}

} // namespace cachefill::github
