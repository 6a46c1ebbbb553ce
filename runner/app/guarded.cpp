#include "app/guarded.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace cachefill::app {

namespace {

// Options that take a value as the next word; of the others the next word is an argument of its own.
const std::set<std::string> valued{"-H",
                                   "--hostname",
                                   "-s",
                                   "--specialisation",
                                   "-o",
                                   "--out-link",
                                   "--option",
                                   "-c",
                                   "--configuration",
                                   "--flake",
                                   "--builders",
                                   "-j",
                                   "--max-jobs",
                                   "--cores",
                                   "-b",
                                   "--backup-extension",
                                   "--target-host",
                                   "--build-host",
                                   "-f",
                                   "--file"};

Failure moves_the_lock(const std::string& word) {
    return Failure(FailureKind::usage, "'" + sanitize(word) + "' would move flake.lock after it has been looked at")
        .with_hint("let guard do it: 'cachefill guard --update -- COMMAND' moves it in a copy and keeps it only if "
                   "nothing has to be compiled");
}

bool is_update(const std::string& program, const std::string& word) {
    if (word == "--update" || word == "--update-input" || word.starts_with("--update-input=") ||
        word == "--recreate-lock-file" || word == "--upgrade" || word == "--upgrade-all" ||
        word == "--commit-lock-file")
        return true;
    // Short ones of nh may be joined: -au.
    bool is_short = word.size() > 1 && word[0] == '-' && word[1] != '-';
    return program == "nh" && is_short && word.find_first_of("uU") != word.npos;
}

} // namespace

Result<Guarded> parse_guarded(const std::vector<std::string>& command) {
    if (command.empty())
        return Failure(FailureKind::usage, "there is no command to guard")
            .with_hint("for instance: cachefill guard -- nh os switch");
    Guarded guarded;
    guarded.command = command;
    guarded.flake_at = guarded.host_at = command.size();
    std::size_t first = 0;
    while (first < command.size() && (command[first] == "sudo" || command[first] == "doas" || command[first] == "env"))
        ++first;
    auto program = first < command.size() ? std::filesystem::path(command[first]).filename().string() : std::string();
    bool is_nh = program == "nh";
    bool is_rebuild = program == "nixos-rebuild" || program == "darwin-rebuild" || program == "home-manager";
    std::size_t words = 0; // arguments that are no options: "os", "switch", FLAKE
    for (auto i = first + 1; i < command.size(); ++i) {
        const auto& word = command[i];
        if (word == "--") break; // what follows is for nix
        if (is_update(program, word)) return moves_the_lock(word);
        if (!is_nh && !is_rebuild) continue;
        auto value = [&](std::initializer_list<std::string_view> names) -> std::string {
            for (auto name : names) {
                if (word == name && i + 1 < command.size()) return command[i + 1];
                if (name.starts_with("--") && word.starts_with(std::string(name) + "="))
                    return word.substr(name.size() + 1);
            }
            return {};
        };
        if (is_nh)
            if (auto host = value({"-H", "--hostname", "-c", "--configuration"}); !host.empty()) {
                guarded.host = host;
                guarded.host_at = i;
            }
        if (is_rebuild)
            if (auto flake = value({"--flake"}); !flake.empty()) {
                guarded.flake = flake;
                guarded.flake_at = word == "--flake" ? i + 1 : i;
            }
        if (word.starts_with("-")) {
            if (valued.contains(word)) i += word == "--option" ? 2 : 1;
            continue;
        }
        ++words;
        if (is_nh && words == 2)
            guarded.takes_path = word == "switch" || word == "boot" || word == "test" || word == "build";
        if (is_nh && words == 3) {
            guarded.flake = word;
            guarded.flake_at = i;
        }
    }
    // Words after `--` may move it as well.
    for (auto i = first + 1; i < command.size(); ++i)
        if (command[i].starts_with("--") && is_update(program, command[i])) return moves_the_lock(command[i]);
    if (auto mark = guarded.flake.find('#'); mark != guarded.flake.npos) {
        guarded.host = guarded.flake.substr(mark + 1);
        guarded.flake.resize(mark);
    }
    if (guarded.flake.starts_with("/nix/store/"))
        return Failure(FailureKind::usage, "the command switches to a store path, of which nothing is compiled")
            .with_hint("run it without guard, or without the path");
    return guarded;
}

std::vector<std::string> with_store_path(const Guarded& guarded, const std::string& path) {
    auto command = guarded.command;
    if (!guarded.takes_path) return command;
    if (guarded.flake_at < command.size()) {
        command[guarded.flake_at] = path;
        return command;
    }
    auto end = std::find(command.begin(), command.end(), "--");
    command.insert(end, path);
    return command;
}

} // namespace cachefill::app
