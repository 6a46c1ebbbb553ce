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
    bool is_unclear = false;    // something else that may be about other code
    std::deque<Json> documents; // those that stood in texts
};

// A sender writes "pull_request", "pullRequest" or "pull-request".
std::vector<std::string> words_of(std::string_view key) {
    std::vector<std::string> words;
    bool was_lower = false;
    for (char c : key) {
        bool is_upper = c >= 'A' && c <= 'Z', is_lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (words.empty() || !(is_upper || is_lower) || (is_upper && was_lower)) words.emplace_back();
        if (is_upper || is_lower) words.back() += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
        was_lower = is_lower;
    }
    std::erase(words, "");
    return words;
}

// That of a pull request that was taken out of it. (What a workflow_run says of pull requests has no full names.)
bool is_head(const Json& value) {
    if (!value.is_object() || !value.contains("repo")) return false;
    return value["repo"].is_null() || !member(value["repo"], "full_name").is_null();
}

// Names of what may be about code of others.
constexpr std::array telling{std::string_view("pr"),      std::string_view("prs"),        std::string_view("pull"),
                             std::string_view("pulls"),   std::string_view("mr"),         std::string_view("head"),
                             std::string_view("heads"),   std::string_view("fork"),       std::string_view("forked"),
                             std::string_view("forks"),   std::string_view("comment"),    std::string_view("comments"),
                             std::string_view("issue"),   std::string_view("issues"),     std::string_view("review"),
                             std::string_view("reviews"), std::string_view("suite"),      std::string_view("workflow"),
                             std::string_view("cross"),   std::string_view("contributor")};

// May what stands under such a name be about code of others?
bool speaks_of_other_code(const std::vector<std::string>& words) {
    auto all = join(words, "");
    for (const char* part : {"pullrequest", "checkrun", "checksuite", "headre", "headsha", "headlabel", "crossrepo"})
        if (all.find(part) != all.npos) return true;
    return std::any_of(words.begin(), words.end(), [](const auto& word) { return is_one_of(telling, word); });
}

bool names_a_repository(const std::vector<std::string>& words) {
    auto all = join(words, "");
    for (const char* part : {"repo", "clone", "remote", "fullname", "namewithowner"})
        if (all.find(part) != all.npos) return true;
    return false;
}

// A word of the sender's own, such as "main" or "refs/heads/main": no address of anything else, no pull request's ref,
// and nothing that has to be decoded before it says something.
bool is_plain(std::string_view value, std::string_view repository) {
    constexpr std::size_t longest = 200, longest_piece = 64; // a SHA-256
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@:+-=,*() ";
    if (value.size() > longest || value.find_first_not_of(allowed) != value.npos) return false;
    auto text = to_lower(value);
    for (const char* part : {"pull/", "pulls/", "merge_requests/", "%"})
        if (text.find(part) != text.npos) return false;
    if (text.find("://") != text.npos && text.find("/" + to_lower(repository) + "/") == text.npos &&
        !text.ends_with("/" + to_lower(repository)))
        return false;
    std::size_t piece = 0;
    bool is_hexadecimal = true;
    for (char c : text) {
        bool ends = std::string_view("._/@:-,*() ").find(c) != std::string_view::npos;
        piece = ends ? 0 : piece + 1;
        is_hexadecimal =
            ends || (is_hexadecimal && std::string_view("0123456789abcdef").find(c) != std::string_view::npos);
        // Base64 says nothing until it is decoded. Words are shorter.
        if (piece > (is_hexadecimal ? longest_piece : 24U)) return false;
    }
    return true;
}

// Where a payload names code. What the sender of a repository_dispatch passes on has no fixed shape; bots for commands
// in comments, and workflows that follow others, put whole payloads there, or their text. What is neither one of these
// nor plainly something else is unclear.
Origins origins_in(const Json& payload, std::string_view repository) {
    Origins found;
    auto take = [](std::vector<const Json*>& list, const Json& value) {
        if (!value.is_null()) list.push_back(&value);
    };
    take(found.pull_requests, member(payload, "pull_request"));
    take(found.pull_requests, member(member(payload, "issue"), "pull_request"));
    struct Open {
        const Json* value;
        bool is_judged; // part of something that is judged by its head
    };
    std::vector<Open> open{{&member(payload, "client_payload"), false}};
    while (!open.empty()) {
        auto [here, is_judged] = open.back();
        open.pop_back();
        if (here->is_string()) {
            auto document = trim(here->get_ref<const std::string&>());
            bool may_be_json =
                !document.empty() && std::string_view("{[\"").find(document.front()) != std::string_view::npos;
            auto parsed = may_be_json ? Json::parse(document, nullptr, false) : Json(Json::value_t::discarded);
            if (!parsed.is_discarded())
                open.push_back({&found.documents.emplace_back(std::move(parsed)), is_judged});
            else if (!is_judged && !is_plain(document, repository))
                found.is_unclear = true;
            continue;
        }
        if (!here->is_structured()) continue;
        auto is_whole = [&](const auto& entry) {
            auto word = join(words_of(entry.key()), "");
            return (word == "pullrequest" || word == "workflowrun") && entry.value().is_object();
        };
        auto items = here->items();
        bool is_event = is_judged || (here->is_object() && std::any_of(items.begin(), items.end(), is_whole));
        for (const auto& entry : items) {
            const auto& value = entry.value();
            auto words = here->is_object() ? words_of(entry.key()) : std::vector<std::string>();
            auto word = join(words, "");
            bool is_pull_request = word == "pullrequest", is_run = word == "workflowrun";
            bool is_its_head = word == "head" && is_head(value);
            if (is_pull_request) take(found.pull_requests, value);
            if (is_run) take(found.workflow_runs, value);
            if (is_its_head) found.heads.push_back(&value);
            if (entry.key() == "_links") continue; // only addresses: review._links.pull_request
            bool is_taken = is_pull_request || is_run || is_its_head;
            if (!is_event && !is_taken) {
                bool is_other = names_a_repository(words) && value.is_string() && !iequals(text(value), repository);
                found.is_unclear |= is_other || speaks_of_other_code(words);
            }
            open.push_back({&value, is_event || is_taken});
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
