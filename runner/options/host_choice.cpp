#include "options/host_choice.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "options/settings.hpp"

#include <algorithm>
#include <filesystem>

namespace cachefill::options {

namespace {

using eval::TargetKind;
using eval::TargetRef;

std::string_view described(TargetKind kind) {
    return kind == TargetKind::home     ? "home configuration"
           : kind == TargetKind::darwin ? "nix-darwin host"
                                        : "NixOS host";
}

std::string flake_at(const std::filesystem::path& directory) {
    std::error_code ignored;
    auto file = std::filesystem::weakly_canonical(directory / "flake.nix", ignored);
    return std::filesystem::is_regular_file(file, ignored) ? file.parent_path().string() : std::string();
}

// nh, src/installable.rs: what is for the command comes before what is for all.
std::string flake_of_nh(TargetKind kind, const std::map<std::string, std::string>& own,
                        const Environment& environment) {
    std::string specific = kind == TargetKind::home     ? "NH_HOME_FLAKE"
                           : kind == TargetKind::darwin ? "NH_DARWIN_FLAKE"
                                                        : "NH_OS_FLAKE";
    for (const auto& name : {specific, std::string("NH_FLAKE"), std::string("NH_OS_FLAKE"),
                             std::string("NH_HOME_FLAKE"), std::string("NH_DARWIN_FLAKE")}) {
        auto set = own.find(name);
        auto value = set != own.end() ? set->second : environment.get_or(name);
        if (!value.empty()) return value;
    }
    return {};
}

} // namespace

std::vector<std::string> names_of(const HostWanted& wanted) {
    std::vector<std::string> names;
    if (wanted.kind != TargetKind::home) names = wanted.machines;
    if (wanted.kind && wanted.kind != TargetKind::home) return names;
    for (const auto& user : wanted.users) {
        for (const auto& machine : wanted.machines) names.push_back(user + "@" + machine);
        names.push_back(user);
    }
    return names;
}

Result<TargetRef> choose_host(const std::vector<TargetRef>& found, const HostWanted& wanted) {
    std::vector<std::string> there;
    for (const auto& target : found) {
        bool is_meant = !wanted.kind || target.kind == *wanted.kind || (!wanted.host.empty() && !wanted.only_this_kind);
        if (is_meant) there.push_back(target.display());
        if (target.display() != wanted.host) continue;
        if (!wanted.only_this_kind || target.kind == wanted.kind) return target;
        return Failure(FailureKind::usage, "the command switches a " + std::string(described(*wanted.kind)) +
                                               ", which " + target.display() + " is not");
    }
    auto has = "the flake has: " + (there.empty() ? std::string("no hosts") : join(there, ", "));
    if (wanted.host.empty()) {
        auto names = names_of(wanted);
        for (const auto& name : names)
            for (const auto& target : found)
                if (target.name == name && (!wanted.kind || target.kind == *wanted.kind)) return target;
        if (!wanted.kind)
            return Failure(FailureKind::usage, "the flake has no host named '" +
                                                   sanitize(names.empty() ? std::string() : names.front()) +
                                                   "', as this machine is")
                .with_hint("name one: '" + wanted.asked_by + "HOST'; " + has);
        if (there.empty()) has = "it has none at all";
        return Failure(FailureKind::usage, "the flake has no " + std::string(described(*wanted.kind)) + " named '" +
                                               sanitize(join(names, "' or '")) + "'")
            .with_hint("name one: '" + wanted.asked_by + std::string(to_string(*wanted.kind)) + ":NAME'; " + has);
    }
    for (bool any_kind : {false, true})
        for (const auto& target : found) {
            bool is_of_kind = any_kind ? !wanted.only_this_kind : target.kind == wanted.kind;
            if (target.name == wanted.host && is_of_kind) return target;
        }
    std::vector<std::string> candidates = there;
    for (const auto& target : found)
        if (!wanted.only_this_kind || target.kind == wanted.kind) candidates.push_back(target.name);
    auto meant = did_you_mean(wanted.host, candidates);
    return Failure(FailureKind::usage,
                   "the flake has no " + std::string(wanted.kind ? described(*wanted.kind) : std::string_view("host")) +
                       " '" + shown_name(wanted.host) + "'")
        .with_hint(meant ? "did you mean '" + *meant + "'?" : has);
}

std::string word_for(const TargetRef& host, const std::vector<TargetRef>& found) {
    auto has_name = [&](const TargetRef& other) { return other.name == host.name; };
    bool is_alone = std::count_if(found.begin(), found.end(), has_name) == 1;
    return is_alone && host.kind != TargetKind::home ? host.name : host.display();
}

Result<void> take_switch_command(Command command, bool flake_is_given, const Environment& environment,
                                 Settings& settings) {
    bool is_command = command == Command::guard ||
                      ((command == Command::doctor || command == Command::wait) && settings.arguments.size() > 1);
    if (!is_command) return {};
    TRY(switches, parse_switch_command(settings.arguments));
    if (command != Command::guard && switches.tool == SwitchTool::other)
        return Failure(FailureKind::usage,
                       std::string(to_string(command)) + " looks at one host, or at what one command would switch to")
            .with_hint("without a name it is the host of this machine's name");
    if (flake_is_given && !switches.flake.empty() && switches.flake != settings.flake)
        return Failure(FailureKind::usage, "--flake names another flake than the command does")
            .with_hint("leave --flake out: the command's is looked at");
    // What is looked at is what the command will switch to.
    if (!flake_is_given) {
        auto flake = switches.flake.empty() ? default_flake_of(switches, environment) : switches.flake;
        auto mark = flake.find('#');
        if (mark != flake.npos && switches.host.empty()) switches.host = host_in(flake.substr(mark + 1));
        if (!flake.empty()) settings.flake = flake.substr(0, mark);
        std::error_code ignored;
        auto there = std::filesystem::path(switches.directory) / settings.flake;
        if (!switches.directory.empty() && std::filesystem::is_directory(there, ignored))
            settings.flake = there.lexically_normal().string();
    }
    settings.switches = std::move(switches);
    return {};
}

Result<void> check_host(const Settings& settings) {
    if (!settings.switches || settings.guard_host.empty() || settings.switches->host.empty()) return {};
    auto name = settings.guard_host.substr(settings.guard_host.find(':') + 1);
    if (name == settings.switches->host || settings.guard_host == settings.switches->host) return {};
    return Failure(FailureKind::usage, "--host names another host than the command does")
        .with_hint("leave --host out: the command's is looked at");
}

HostWanted host_wanted(const Settings& settings) {
    HostWanted wanted;
    wanted.kind = settings.kind;
    if (const auto& typed = settings.typed.words; !typed.empty())
        wanted.asked_by = typed[0] == "guard" ? "--host " : "cachefill " + typed[0] + " ";
    if (const auto& switches = settings.switches) {
        wanted.host = settings.guard_host.empty() ? switches->host : settings.guard_host;
        if (switches->kind) wanted.kind = switches->kind;
        wanted.only_this_kind = switches->kind.has_value();
        if (!switches->user.empty()) wanted.users.push_back(switches->user);
    } else if (!settings.arguments.empty()) {
        wanted.host = settings.arguments.front();
    }
    return wanted;
}

std::string default_flake_of(const SwitchCommand& command, const Environment& environment) {
    namespace fs = std::filesystem;
    auto home = environment.get_or("HOME");
    switch (command.tool) {
    case SwitchTool::nh:
        return command.kind ? flake_of_nh(*command.kind, command.variables, environment) : std::string();
    case SwitchTool::nixos_rebuild:
        return flake_at("/etc/nixos");
    case SwitchTool::darwin_rebuild:
        return flake_at("/etc/nix-darwin");
    case SwitchTool::home_manager: {
        if (home.empty() || environment.find("HOME_MANAGER_CONFIG")) return {};
        auto config = environment.get_or("XDG_CONFIG_HOME", (fs::path(home) / ".config").string());
        return flake_at(fs::path(config) / "home-manager");
    }
    case SwitchTool::other:
        return {};
    }
    return {};
}

} // namespace cachefill::options
