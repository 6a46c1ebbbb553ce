#include "github/passed_on.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace cachefill::github {

namespace {

using Json = nlohmann::json;
using Words = std::initializer_list<std::string_view>;

// Branches and tags, which a checkout looks for in this repository.
constexpr std::array refs{
    std::string_view("ref"),           std::string_view("refname"), std::string_view("branch"),
    std::string_view("tag"),           std::string_view("tagname"), std::string_view("basebranch"),
    std::string_view("baseref"),       std::string_view("rev"),     std::string_view("revision"),
    std::string_view("defaultbranch"),
};
// What is a word or two, a number, or yes or no.
constexpr std::array words{
    std::string_view("action"),      std::string_view("all"),         std::string_view("attempt"),
    std::string_view("cause"),       std::string_view("channel"),     std::string_view("command"),
    std::string_view("date"),        std::string_view("debug"),       std::string_view("dryrun"),
    std::string_view("environment"), std::string_view("env"),         std::string_view("eventname"),
    std::string_view("eventtype"),   std::string_view("force"),       std::string_view("host"),
    std::string_view("hosts"),       std::string_view("integration"), std::string_view("loglevel"),
    std::string_view("mode"),        std::string_view("package"),     std::string_view("packages"),
    std::string_view("priority"),    std::string_view("reason"),      std::string_view("rebuild"),
    std::string_view("reftype"),     std::string_view("retries"),     std::string_view("stage"),
    std::string_view("system"),      std::string_view("systems"),     std::string_view("time"),
    std::string_view("timeout"),     std::string_view("timestamp"),   std::string_view("unit"),
    std::string_view("update"),      std::string_view("verbose"),     std::string_view("version"),
    std::string_view("versions"),
};
// What others stand in.
constexpr std::array folders{
    std::string_view("clientpayload"), std::string_view("data"),    std::string_view("event"),
    std::string_view("github"),        std::string_view("inputs"),  std::string_view("options"),
    std::string_view("parameters"),    std::string_view("payload"),
};
// In payloads of pull_request, pull_request_review, pull_request_review_comment and workflow_run.
constexpr std::array companions{
    std::string_view("assignee"),      std::string_view("changes"),
    std::string_view("comment"),       std::string_view("enterprise"),
    std::string_view("installation"),  std::string_view("label"),
    std::string_view("milestone"),     std::string_view("requestedreviewer"),
    std::string_view("requestedteam"), std::string_view("organization"),
    std::string_view("review"),        std::string_view("sender"),
    std::string_view("workflow"),
};

template <class List> bool is_one_of(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool consists_of(std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return letters_and_digits.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
    });
}

// Base64 says nothing until it is decoded. Words are shorter.
bool may_be_encoded(std::string_view text) {
    constexpr std::size_t longest_word = 24, longest_hash = 64; // a SHA-256
    std::size_t piece = 0;
    bool is_hexadecimal = true;
    for (char c : text) {
        bool ends = letters_and_digits.find(c) == std::string_view::npos && c != '+';
        piece = ends ? 0 : piece + 1;
        is_hexadecimal =
            ends || (is_hexadecimal && std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos);
        if (piece > (is_hexadecimal ? longest_hash : longest_word)) return true;
    }
    return false;
}

// A commit may be anybody's: GitHub hands out those of forks under this repository's name, too.
bool may_be_commit(std::string_view text) {
    return text.size() >= 7 && std::all_of(text.begin(), text.end(), [](char c) {
               return std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
           });
}

// "main", "refs/heads/main", "v1.2": nothing that a fork's code has here ("refs/pull/7/head"), no address
// ("github.com/owner/name", "host:path"), and nobody else's branch as GitHub writes it ("stranger:patch-1").
bool is_own_ref(std::string_view text) {
    constexpr std::size_t longest = 200;
    if (text.size() > longest || !consists_of(text, "._/+-@=") || text.find("..") != text.npos || may_be_commit(text))
        return false;
    auto described = text.rfind("-g"); // by git: "v1.2-3-g0123456" is a commit, whatever stands before
    if (described != text.npos && may_be_commit(text.substr(described + 2))) return false;
    auto parts = split(text, '/');
    if (parts.size() > 1 && parts[0].find_first_of(".@") != std::string_view::npos) return false;
    if (iequals(parts[0], "refs")) return parts.size() > 2 && (parts[1] == "heads" || parts[1] == "tags");
    const Words foreign{"pull",          "pulls",          "pr",           "prs",           "mr",     "merge-requests",
                        "pull-requests", "merge_requests", "pull_request", "pull_requests", "remotes"};
    auto is_foreign = [&](auto part) { return part.empty() || is_one_of(foreign, to_lower(part)); };
    return std::none_of(parts.begin(), parts.end(), is_foreign);
}

// Also as `git describe` has it: "v1.2-3-g0123456". Dates and times are numbers.
bool names_commit(std::string_view text) {
    constexpr std::size_t longest_number = 20;
    auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    while (!text.empty()) {
        auto length = std::min(text.find_first_not_of(letters_and_digits), text.size());
        auto piece = text.substr(0, length);
        text.remove_prefix(std::min(length + 1, text.size()));
        bool is_number = piece.size() <= longest_number && std::all_of(piece.begin(), piece.end(), is_digit);
        if (!is_number && (may_be_commit(piece) || (piece.starts_with('g') && may_be_commit(piece.substr(1)))))
            return true;
    }
    return false;
}

// "nightly", "1.2.3-rc1", "weekly update, of all", "home:kim@desk": no address, no path and no commit.
bool is_own_word(std::string_view text) {
    constexpr std::size_t longest = 200;
    for (std::string_view kind : {"nixos:", "darwin:", "home:"}) // of hosts
        if (text.starts_with(kind)) text.remove_prefix(kind.size());
    if (text.size() > longest || !consists_of(text, "._+-@*=,() ") || names_commit(text)) return false;
    const Words foreign{"pr",     "prs",     "pull",   "pulls",       "mr",         "merge",
                        "fork",   "forks",   "forked", "head",        "issue",      "issues",
                        "review", "comment", "suite",  "pullrequest", "discussion", "request"};
    std::string word;
    for (char c : std::string(text) + " ") {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            word += c;
        } else {
            if (is_one_of(foreign, to_lower(word))) return false;
            word.clear();
        }
    }
    return true;
}

std::string text_of(const Json& object, const char* key) {
    auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

} // namespace

std::string plain_key(std::string_view key) {
    std::string plain;
    for (char c : to_lower(key)) {
        if (c == '_' || c == '-') continue;
        if (c < 'a' || c > 'z') return {};
        plain += c;
    }
    return plain;
}

bool is_harmless(std::string_view name, const Json& value, std::string_view repository) {
    auto key = plain_key(name);
    bool is_ref = is_one_of(refs, key), is_word = is_one_of(words, key);
    if (!value.is_string()) return value.is_null() || is_word; // "ref": 7 is no branch
    auto text = trim(value.get_ref<const std::string&>());
    auto slash = repository.find('/');
    if (slash == repository.npos) slash = 0; // nobody said where we are
    if (key == "owner" || key == "repositoryowner") return iequals(text, repository.substr(0, slash)) && slash > 0;
    if (key == "repository" || key == "repo")
        return slash > 0 && (iequals(text, repository) || iequals(text, repository.substr(slash + 1)));
    if (text.empty()) return is_ref || is_word || is_one_of(folders, key);
    return !may_be_encoded(text) && ((is_ref && is_own_ref(text)) || (is_word && is_own_word(text)));
}

bool is_harmless_folder(std::string_view name, const Json& folder, std::string_view repository) {
    auto key = plain_key(name);
    if (key == "repository") return folder.is_object() && iequals(text_of(folder, "full_name"), repository);
    return is_one_of(folders, key) || (folder.is_array() && (is_one_of(refs, key) || is_one_of(words, key)));
}

bool is_companion(std::string_view name, const Json& value, const Json& event, std::string_view repository) {
    auto key = plain_key(name);
    if (key == "links") return name == "_links"; // only addresses: review._links.pull_request
    if (key == "number")
        return std::any_of(event.items().begin(), event.items().end(), [&](const auto& entry) {
            return plain_key(entry.key()) == "pullrequest" && entry.value().is_object() &&
                   entry.value().contains("number") && entry.value()["number"] == value;
        });
    if (key == "repository") return value.is_object() && is_harmless_folder(name, value, repository);
    return value.is_null() || (value.is_object() && is_one_of(companions, key));
}

} // namespace cachefill::github
