#include "github/vouched_commit.hpp"

#include "base/text.hpp"
#include "github/author.hpp"
#include "github/event_payload.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace cachefill::github {

namespace {

using Json = nlohmann::json;

// Only who may write to the repository causes these, with a commit of it.
constexpr std::array<std::string_view, 5> events_of_members{"push", "schedule", "workflow_dispatch",
                                                            "repository_dispatch", "release"};
// GITHUB_SHA is then the default branch's last commit, whoever caused them.
constexpr std::array<std::string_view, 3> events_on_default_branch{"issue_comment", "workflow_run", "issues"};

bool is_among(std::string_view event, const auto& events) {
    return std::find(events.begin(), events.end(), event) != events.end();
}

std::string text_in(const Json& json, const char* key) {
    if (!json.is_object()) return {};
    auto it = json.find(key);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Json member(const Json& json, const char* key) {
    if (!json.is_object()) return {};
    auto it = json.find(key);
    return it == json.end() ? Json() : *it;
}

bool is_commit(std::string_view text) {
    return (text.size() == 40 || text.size() == 64) &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

} // namespace

std::optional<VouchedCommit> vouched_commit(const Environment& environment) {
    auto event = environment.get_or("GITHUB_EVENT_NAME");
    Json payload = read_event_payload(environment);
    if (!payload.is_null() && !payload.is_object()) return {};          // author_of() believes it as little
    if (payload.is_null() && event == "repository_dispatch") return {}; // nobody knows what it passes on
    VouchedCommit vouched;
    auto pull_request = member(payload, "pull_request");
    if (pull_request.is_object() || event.starts_with("pull_request")) {
        auto base = member(pull_request, "base");
        vouched.commit = text_in(base, "sha");
        vouched.branch = text_in(base, "ref");
    } else if (event == "merge_group") {
        auto group = member(payload, "merge_group");
        vouched.commit = text_in(group, "base_sha");
        auto reference = text_in(group, "base_ref");
        constexpr std::string_view heads = "refs/heads/";
        vouched.branch = reference.starts_with(heads) ? reference.substr(heads.size()) : reference;
    } else if (environment.get_or("GITHUB_REF").starts_with("refs/pull/")) {
        return {}; // no event of GitHub's; the commit is a pull request's
    } else if (is_among(event, events_of_members)) {
        vouched.commit = environment.get_or("GITHUB_SHA");
        vouched.is_of_event = !passes_on_foreign_events(payload, environment.get_or("GITHUB_REPOSITORY"));
        if (!vouched.is_of_event) vouched.branch = text_in(member(payload, "repository"), "default_branch");
    } else if (is_among(event, events_on_default_branch)) {
        vouched.commit = environment.get_or("GITHUB_SHA");
        vouched.branch = text_in(member(payload, "repository"), "default_branch");
    }
    if (!is_commit(vouched.commit)) return {};
    return vouched;
}

} // namespace cachefill::github
