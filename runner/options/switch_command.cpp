#include "options/switch_command.hpp"

#include "base/foreign_text.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "eval/target.hpp"
#include "options/wrapped_command.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace cachefill::options {

namespace {

using eval::TargetKind;

constexpr std::array<std::pair<std::string_view, SwitchTool>, 6> tools{{
    {"nh", SwitchTool::nh},
    {"nixos-rebuild", SwitchTool::nixos_rebuild},
    {"nixos-rebuild-ng", SwitchTool::nixos_rebuild},
    {"home-manager", SwitchTool::home_manager},
    {"darwin-rebuild", SwitchTool::darwin_rebuild},
    {"", SwitchTool::other},
}};

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
                                   "-d",
                                   "--diff",
                                   "--flake",
                                   "--builders",
                                   "-j",
                                   "--max-jobs",
                                   "--cores",
                                   "--log-format",
                                   "-I",
                                   "--include",
                                   "-P",
                                   "--profile",
                                   "-p",
                                   "--profile-name",
                                   "-e",
                                   "--elevation-program",
                                   "--elevation-strategy",
                                   "-b",
                                   "-B",
                                   "--backup-extension",
                                   "-D",
                                   "-A",
                                   "--attr",
                                   "--override-input",
                                   "--target-host",
                                   "--build-host",
                                   "-f",
                                   "--file"};

Failure moves_the_lock(const std::string& word) {
    return Failure(FailureKind::usage, "'" + shown_name(word) + "' would move flake.lock after it has been looked at")
        .with_hint("let guard do it: 'cachefill guard --update -- COMMAND' moves it in a copy and keeps it only if "
                   "nothing has to be compiled");
}

bool is_update(SwitchTool tool, const std::string& word) {
    if (word == "--update" || word == "--update-input" || word.starts_with("--update-input=") ||
        word == "--recreate-lock-file" || word == "--upgrade" || word == "--upgrade-all" ||
        word == "--commit-lock-file")
        return true;
    // Short ones of nh may be joined: -au.
    bool is_short = word.size() > 1 && word[0] == '-' && word[1] != '-';
    return tool == SwitchTool::nh && is_short && word.find_first_of("uU") != word.npos;
}

std::optional<TargetKind> kind_of_nh(const std::string& word) {
    if (word == "os") return TargetKind::nixos;
    if (word == "home") return TargetKind::home;
    if (word == "darwin") return TargetKind::darwin;
    return {};
}

Failure is_no_flake(const std::string& word) {
    return Failure(FailureKind::usage, "'" + shown_name(word) + "' has it made from a file, and guard looks at flakes")
        .with_hint("run it without guard, or name the flake instead");
}

bool is_file_option(const std::string& word) { return word == "-f" || word == "--file" || word.starts_with("--file="); }

// A tool behind a program that is not known to run others, but seems to: `direnv exec . nh os switch`.
std::optional<std::size_t> find_tool(const std::vector<std::string>& words, std::size_t from, SwitchTool& tool) {
    for (auto at = from; at < words.size(); ++at) {
        auto name = std::string_view(words[at]).substr(words[at].rfind('/') + 1);
        auto known = std::find_if(tools.begin(), tools.end(), [&](const auto& each) { return each.first == name; });
        if (name.empty() || known == tools.end()) continue;
        auto next = std::find_if(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end(),
                                 [](const std::string& word) { return !word.starts_with("-"); });
        if (known->second == SwitchTool::nh && (next == words.end() || !kind_of_nh(*next))) continue;
        tool = known->second;
        return at;
    }
    return {};
}

std::string output_of(TargetKind kind) {
    return kind == TargetKind::home     ? "homeConfigurations"
           : kind == TargetKind::darwin ? "darwinConfigurations"
                                        : "nixosConfigurations";
}

class Parser {
  public:
    explicit Parser(SwitchCommand& command) : command_(command) {}

    Result<void> run() {
        const auto& words = command_.words;
        for (at_ = command_.arguments_at; at_ < words.size() && words[at_] != "--"; ++at_) {
            if (is_update(command_.tool, words[at_])) return moves_the_lock(words[at_]);
            if (command_.tool == SwitchTool::other) continue;
            if (is_file_option(words[at_])) return is_no_flake(words[at_]);
            if (words[at_].starts_with("-"))
                take_option(words[at_]);
            else
                take_argument(words[at_]);
        }
        // What follows `--` is for nix, and may move it as well.
        for (; at_ < words.size(); ++at_)
            if (words[at_].starts_with("--") && is_update(command_.tool, words[at_])) return moves_the_lock(words[at_]);
        return {};
    }

  private:
    void take_option(const std::string& word) {
        auto equals = word.starts_with("--") ? word.find('=') : word.npos;
        auto name = word.substr(0, equals);
        auto value_at = at_;
        if (equals == word.npos && valued.contains(name)) value_at = std::min(at_ + 1, command_.words.size());
        auto value = equals != word.npos                                  ? word.substr(equals + 1)
                     : value_at > at_ && value_at < command_.words.size() ? command_.words[value_at]
                                                                          : std::string();
        bool names_host = name == "-H" || name == "--hostname" || name == "-c" || name == "--configuration";
        if (command_.tool == SwitchTool::nh && names_host && !value.empty()) command_.host = value;
        if (command_.tool != SwitchTool::nh && name == "--flake" && !value.empty()) {
            command_.flake = value;
            command_.flake_at = value_at;
        }
        at_ = std::min(value_at, command_.words.size() - 1);
        if (name == "--option" || name == "--override-input") at_ = std::min(at_ + 1, command_.words.size() - 1);
    }

    void take_argument(const std::string& word) {
        ++arguments_;
        if (command_.tool != SwitchTool::nh) return;
        if (arguments_ == 1) command_.kind = kind_of_nh(word);
        bool switches = word == "switch" || word == "boot" || word == "test" || word == "build";
        if (arguments_ == 2) command_.takes_path = command_.kind && switches;
        if (arguments_ != 3) return;
        command_.flake = word;
        command_.flake_at = at_;
    }

    SwitchCommand& command_;
    std::size_t at_ = 0, arguments_ = 0; // arguments: "os", "switch", FLAKE
};

// Somebody's login in the address of the flake is not repeated; git has it, or netrc.
std::string told(std::vector<std::string> words) {
    for (auto& word : words)
        if (holds_secret(word)) word = redact_url(word);
    return shell_command(words);
}

} // namespace

std::string_view to_string(SwitchTool tool) {
    for (const auto& [name, value] : tools)
        if (value == tool) return name;
    return {};
}

Result<SwitchCommand> parse_switch_command(const std::vector<std::string>& words) {
    if (words.empty())
        return Failure(FailureKind::usage, "there is no command to guard")
            .with_hint("for instance: cachefill guard -- nh os switch");
    SwitchCommand command;
    command.words = words;
    command.flake_at = words.size();
    auto inner = unwrap(words);
    command.arguments_at = inner.arguments_at;
    command.user = std::move(inner.user);
    command.directory = std::move(inner.directory);
    command.variables = std::move(inner.variables);
    for (const auto& [name, tool] : tools)
        if (name == inner.program) command.tool = tool;
    std::optional<std::size_t> behind;
    if (command.tool == SwitchTool::other) behind = find_tool(words, command.arguments_at, command.tool);
    if (behind) command.arguments_at = *behind + 1;
    if (command.tool == SwitchTool::nixos_rebuild) command.kind = TargetKind::nixos;
    if (command.tool == SwitchTool::home_manager) command.kind = TargetKind::home;
    if (command.tool == SwitchTool::darwin_rebuild) command.kind = TargetKind::darwin;
    TRY_VOID(Parser(command).run());
    if (behind) command.takes_path = false; // who knows where it runs
    if (auto mark = command.flake.find('#'); mark != command.flake.npos) {
        command.host = host_in(std::string_view(command.flake).substr(mark + 1));
        command.flake.resize(mark);
    }
    if (command.flake.starts_with("/nix/store/"))
        return Failure(FailureKind::usage, "the command switches to a store path, of which nothing is compiled")
            .with_hint("run it without guard, or without the path");
    return command;
}

std::string host_in(std::string_view fragment) {
    for (auto kind : {TargetKind::nixos, TargetKind::home, TargetKind::darwin})
        if (auto prefix = output_of(kind) + "."; fragment.starts_with(prefix)) fragment.remove_prefix(prefix.size());
    if (fragment.size() > 1 && fragment.front() == '"' && fragment.back() == '"')
        fragment = fragment.substr(1, fragment.size() - 2);
    return std::string(fragment);
}

std::string SwitchCommand::text() const { return told(words); }

std::vector<std::string> SwitchCommand::with_path(const std::string& path) const {
    auto changed = words;
    if (!takes_path) return changed;
    if (flake_at < changed.size()) {
        changed[flake_at] = path;
        return changed;
    }
    auto own = changed.begin() + static_cast<std::ptrdiff_t>(std::min(arguments_at, changed.size()));
    changed.insert(std::find(own, changed.end(), "--"), path);
    return changed;
}

SwitchCommand SwitchCommand::with_flake(const std::string& other) const {
    auto changed = *this;
    changed.flake = other;
    auto named = tool == SwitchTool::nh || host.empty() ? other : other + "#" + host;
    if (takes_path) {
        // For nh what stands behind '#' is the whole attribute.
        auto mark = flake_at < words.size() ? words[flake_at].find('#') : std::string::npos;
        changed.words = with_path(mark == std::string::npos ? other : other + words[flake_at].substr(mark));
    } else if (flake_at < words.size()) {
        bool is_joined = words[flake_at].starts_with("--flake=");
        changed.words[flake_at] = (is_joined ? "--flake=" : "") + named;
    } else if (tool != SwitchTool::other && tool != SwitchTool::nh) {
        changed.words.push_back("--flake");
        changed.words.push_back(named);
    }
    return changed;
}

std::string SwitchCommand::with_nix_options(const std::vector<std::string>& options) const {
    if (tool == SwitchTool::other) return {};
    auto changed = words;
    auto own = changed.begin() + static_cast<std::ptrdiff_t>(std::min(arguments_at, changed.size()));
    if (tool == SwitchTool::nh && std::find(own, changed.end(), "--") == changed.end()) changed.push_back("--");
    changed.insert(changed.end(), options.begin(), options.end());
    return told(changed);
}

// Without nh it is what the tools themselves do with a path (nixos-rebuild.sh, darwin-rebuild.sh, home-manager).
std::string SwitchCommand::to_built(const std::string& output) const {
    if (takes_path) return told(with_path(output));
    auto path = shell_word(output);
    if (kind == TargetKind::home) return "nix-store -r " + path + " && " + path + "/activate";
    std::string set = "sudo nix-env -p /nix/var/nix/profiles/system --set " + path + " && sudo " + path;
    return set + (kind == TargetKind::darwin ? "/activate" : "/bin/switch-to-configuration switch");
}

SwitchCommand make_switch_command(SwitchTool tool, TargetKind kind, const std::string& flake, const std::string& host) {
    std::vector<std::string> words;
    if (tool == SwitchTool::nh) {
        words = {"nh", kind == TargetKind::home ? "home" : kind == TargetKind::darwin ? "darwin" : "os", "switch"};
        if (!flake.empty()) words.push_back(flake);
        if (!host.empty()) words.push_back(kind == TargetKind::home ? "-c" : "-H");
        if (!host.empty()) words.push_back(host);
    } else {
        if (tool != SwitchTool::home_manager) words.emplace_back("sudo");
        words.emplace_back(to_string(tool));
        words.emplace_back("switch");
        auto named = host.empty() ? flake : (flake.empty() ? "." : flake) + "#" + host;
        if (!named.empty()) words.insert(words.end(), {"--flake", named});
    }
    auto parsed = parse_switch_command(words);
    if (parsed) return std::move(*parsed);
    SwitchCommand plain; // the flake is in the store
    plain.words = std::move(words);
    plain.kind = kind;
    plain.flake_at = plain.words.size();
    return plain;
}

} // namespace cachefill::options
