#include "eval/complaint.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace cachefill::eval {

namespace {

bool contains(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

// All of these words, in this order.
struct Wording {
    Complaint complaint;
    std::string_view first, then = {};
};

// From what says most to what says least: the first that fits counts.
constexpr std::array wordings{
    // It quotes what a cache said, which may be anything.
    Wording{Complaint::narinfo_memory, "executing SQLite statement 'insert or replace into ", "constraint failed"},
    Wording{Complaint::lock_out_of_date, "requires lock file changes"},
    Wording{Complaint::lock_unreadable, "contains mutable lock '"},
    Wording{Complaint::lock_unreadable, "contains unlocked input '"},
    Wording{Complaint::no_flake, "could not find a flake.nix"},
    Wording{Complaint::no_flake, "is not part of a flake"},
    Wording{Complaint::no_flake, "does not contain a 'flake.nix'"},
    Wording{Complaint::foreign_owner, "not owned by current user"},
    Wording{Complaint::foreign_owner, "dubious ownership"},
    // 2.8 runs `git diff`, which refuses such a repository and prints its usage.
    Wording{Complaint::foreign_owner, "program 'git' failed with exit code 129"},
    Wording{Complaint::fragment, "unexpected fragment"},
    Wording{Complaint::missing_attribute, "flake '", "does not provide attribute"},
    Wording{Complaint::git_failed, "program 'git' failed"},
    Wording{Complaint::network, "unable to download"},
    Wording{Complaint::network, "Couldn't resolve host"},
    Wording{Complaint::network, "Could not resolve host"},
    Wording{Complaint::network, "Connection refused"},
    Wording{Complaint::network, "Connection timed out"},
    Wording{Complaint::network, "Connection reset by peer"},
    Wording{Complaint::out_of_memory, "error: out of memory"},
    Wording{Complaint::out_of_memory, "Out of Memory!"}, // Boehm's collector, which ends nix by an abort
    Wording{Complaint::out_of_memory, "Failed to expand heap"},
    Wording{Complaint::out_of_memory, "Too many heap sections"},
    Wording{Complaint::out_of_memory, "std::bad_alloc"},
    Wording{Complaint::out_of_memory, "Cannot allocate memory"},
    Wording{Complaint::build_failed, "builder for"},
    Wording{Complaint::build_failed, "Cannot build"},
    Wording{Complaint::build_failed, "build of '"},
    Wording{Complaint::not_a_reference, "is not a valid URL"},
    Wording{Complaint::not_a_reference, "is not a flake"},
    Wording{Complaint::not_a_reference, "is unsupported"},
};

// A file's name in quotes, and what must stand right behind it.
struct MissingWording {
    std::string_view before, behind;
};

constexpr std::array missing_wordings{
    MissingWording{"getting status of '", "': No such file or directory"},       // 2.8
    MissingWording{"getting status of \"", "\": No such file or directory"},     // 2.31 and later
    MissingWording{"getting attributes of path '", "': No such file"},           // 2.4
    MissingWording{"opening file '", "': No such file or directory"},            //
    MissingWording{"opening directory '", "': No such file or directory"},       //
    MissingWording{"reading directory '", "': No such file or directory"},       //
    MissingWording{"cannot read directory \"", "\": No such file or directory"}, // 2.20 and later, std::filesystem
    MissingWording{"access to path '", "' is forbidden because it is not under Git control"}, // 2.20
    MissingWording{"path '", "' does not exist"},                                             // 2.19 and later
    MissingWording{"Path '", "' does not exist in Git repository"},                           // 2.30 and later
    MissingWording{"Path '", "' in the repository "}, // likewise: "… is not tracked by Git"
};

} // namespace

Complaint complaint_in(std::string_view message) {
    if (message.starts_with("out of memory")) return Complaint::out_of_memory;
    for (const auto& wording : wordings) {
        auto at = message.find(wording.first);
        if (at != std::string_view::npos && contains(message.substr(at), wording.then)) return wording.complaint;
    }
    return missing_file(message) ? Complaint::missing_file : Complaint::none;
}

std::optional<std::string> missing_file(std::string_view message) {
    for (const auto& [before, behind] : missing_wordings)
        for (auto at = message.find(before); at != std::string_view::npos; at = message.find(before, at + 1)) {
            auto rest = message.substr(at + before.size());
            auto end = rest.find(behind);
            auto name = rest.substr(0, end);
            // The two belong together: a quote inside of a name is followed by more of the name.
            auto closing = std::string(behind.substr(0, 1));
            bool is_one_name = !contains(name, closing + " ") && !contains(name, closing + ":");
            if (end == std::string_view::npos || name.empty() || !is_one_name) continue;
            return std::string(name);
        }
    return {};
}

std::optional<std::string> refused_file(std::string_view message) {
    constexpr std::string_view refused = "Permission denied";
    for (auto at = message.find(refused); at != std::string_view::npos; at = message.find(refused, at + 1)) {
        auto before = message.substr(0, at);
        for (char quote : {'\'', '"'}) {
            auto end = before.rfind(quote);
            auto start =
                end == std::string_view::npos || end == 0 ? std::string_view::npos : before.rfind(quote, end - 1);
            if (start == std::string_view::npos || before.substr(start, end - start).find('\n') != before.npos)
                continue;
            auto name = before.substr(start + 1, end - start - 1);
            if (name.starts_with('/')) return std::string(name);
        }
    }
    return {};
}

std::string unlocked_path(std::string_view message) {
    auto start = message.find('{'), end = message.rfind('}');
    if (start == std::string_view::npos || end == std::string_view::npos || end < start) return {};
    auto entry = nlohmann::json::parse(message.substr(start, end + 1 - start), nullptr, false);
    if (!entry.is_object() || entry.value("type", "") != "path" || !entry.contains("path")) return {};
    return entry["path"].is_string() ? entry["path"].get<std::string>() : std::string();
}

} // namespace cachefill::eval
