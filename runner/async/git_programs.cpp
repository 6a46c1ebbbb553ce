#include "async/git_programs.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

namespace cachefill::async {

namespace {

// "diff.FIRST.command" and "diff.external" are of the section diff.
struct Named {
    std::string_view section, variable;
};

Named named(std::string_view setting) {
    auto first = setting.find('.'), last = setting.rfind('.');
    if (first == setting.npos) return {};
    return {setting.substr(0, first), setting.substr(last + 1)};
}

// Whose value git, or a program that git starts, runs (git help config, git-lfs-config), and what runs nothing, or what
// would be run without it.
struct Program {
    std::string_view section, variable;
    const char* harmless;
};
constexpr std::array programs{
    Program{"filter", "clean", ""},
    Program{"filter", "smudge", ""},
    Program{"filter", "process", ""},
    Program{"filter", "required", "false"}, // or git fails without them
    Program{"diff", "external", ""},
    Program{"diff", "command", ""},
    Program{"diff", "textconv", ""},
    Program{"merge", "driver", "false"},
    Program{"remote", "uploadpack", "git-upload-pack"},
    Program{"remote", "receivepack", "git-receive-pack"},
    Program{"remote", "vcs", ""},
    Program{"core", "fsmonitor", "false"},
    Program{"core", "hookspath", "/dev/null"},
    Program{"core", "sshcommand", "ssh"},
    Program{"core", "gitproxy", "none"},
    Program{"core", "askpass", ""},
    Program{"core", "pager", "cat"},
    Program{"core", "editor", "false"},
    Program{"core", "alternaterefscommand", "true"},
    Program{"credential", "helper", ""},
    Program{"gpg", "program", "false"},
    Program{"gpg", "defaultkeycommand", "false"},
    Program{"init", "templatedir", ""},
    Program{"sequence", "editor", "false"},
    Program{"submodule", "update", "checkout"},
    Program{"tar", "command", "false"},
    Program{"trailer", "cmd", "false"},
    Program{"trailer", "command", "false"},
    Program{"uploadpack", "packobjectshook", ""},
};

const Program* find_program_setting(std::string_view setting) {
    auto name = named(setting);
    const auto* found = std::find_if(programs.begin(), programs.end(), [&](const Program& program) {
        return program.section == name.section && program.variable == name.variable;
    });
    return found == programs.end() ? nullptr : found;
}

// git-lfs takes further programs from where its filter stands.
bool is_program_of_git_lfs(std::string_view setting) {
    if (!setting.starts_with("lfs.")) return false;
    for (std::string_view part : {"lfs.extension.", "lfs.customtransfer."})
        if (setting.starts_with(part)) return true;
    return setting.ends_with("standalonetransferagent");
}

bool is_of_repository(const GitSetting& setting) { return setting.scope == "local" || setting.scope == "worktree"; }

bool is_list(std::string_view setting) { return named(setting).section == "credential"; }

} // namespace

std::vector<GitSetting> parse_git_settings(std::string_view listed) {
    std::vector<GitSetting> settings;
    auto parts = split(listed, '\0'); // "SCOPE\0NAME\nVALUE\0"…
    for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
        auto end = std::min(parts[i + 1].find('\n'), parts[i + 1].size());
        settings.push_back({.scope = std::string(parts[i]),
                            .name = std::string(parts[i + 1].substr(0, end)),
                            .value = std::string(parts[i + 1].substr(std::min(end + 1, parts[i + 1].size())))});
    }
    return settings;
}

std::vector<std::pair<std::string, std::string>> settings_against_programs(const std::vector<GitSetting>& settings,
                                                                           const IsWellKnown& is_well_known) {
    std::map<std::string, std::vector<std::string>> of_the_user;
    bool has_programs_of_lfs = false, opens_protocols = false;
    for (const auto& setting : settings) {
        if (!is_of_repository(setting)) of_the_user[setting.name].push_back(setting.value);
        if (!is_of_repository(setting)) continue;
        has_programs_of_lfs |= is_program_of_git_lfs(setting.name);
        opens_protocols |= named(setting.name).section == "protocol";
    }
    std::vector<std::pair<std::string, std::string>> said;
    std::set<std::string> done;
    auto say_again = [&](const std::string& name, const char* otherwise) {
        if (!done.insert(name).second) return;
        const auto& values = of_the_user[name];
        if (!is_list(name)) return void(said.emplace_back(name, values.empty() ? otherwise : values.back()));
        said.emplace_back(name, otherwise); // empties the list
        for (const auto& value : values) said.emplace_back(name, value);
    };
    for (const auto& setting : settings) {
        const auto* program = is_of_repository(setting) ? find_program_setting(setting.name) : nullptr;
        if (!program) continue;
        bool is_lfs = setting.value.find("git-lfs") != std::string::npos;
        bool stays = program->section == "filter" && is_well_known(setting.value) && !(is_lfs && has_programs_of_lfs);
        if (!stays) say_again(setting.name, program->harmless);
    }
    if (opens_protocols) say_again("protocol.ext.allow", "never"); // whose addresses are commands
    return said;
}

bool is_filter_of_git_crypt(std::string_view arguments) {
    auto words = split_words(arguments);
    if (words.empty() || words.size() > 2 || (words[0] != "clean" && words[0] != "smudge")) return false;
    return words.size() == 1 || words[1].starts_with("--key-name=");
}

bool is_filter_of_git_lfs(std::string_view arguments) {
    constexpr std::array<std::string_view, 6> known{"clean -- %f",           "smudge -- %f",
                                                    "filter-process",        "smudge --skip -- %f",
                                                    "filter-process --skip", "clean %f"}; // the last of old ones
    return std::find(known.begin(), known.end(), trim(arguments)) != known.end();
}

} // namespace cachefill::async
