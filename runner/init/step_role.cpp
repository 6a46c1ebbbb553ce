#include "init/step_role.hpp"

#include "base/text.hpp"

#include <array>
#include <regex>

namespace cachefill::init {

namespace {

struct Action {
    std::string_view name; // or the beginning of it
    StepRole role;
};
constexpr std::array<Action, 21> actions{{
    {"cachix/cachix-action", StepRole::cache},
    {"ryanccn/attic-action", StepRole::cache},
    {"cachix/install-nix-action", StepRole::installer},
    {"determinatesystems/nix-installer-action", StepRole::installer},
    {"determinatesystems/determinate-nix-action", StepRole::installer},
    {"nixbuild/nix-quick-install-action", StepRole::installer},
    {"samueldr/lix-gha-installer-action", StepRole::installer},
    {"jlumbroso/free-disk-space", StepRole::disk},
    {"easimon/maximize-build-space", StepRole::disk},
    {"wimpysworld/nothing-but-nix", StepRole::disk},
    {"endersonmenezes/free-disk-space", StepRole::disk},
    {"adityagarg8/remove-unwanted-software", StepRole::disk},
    {"pierotofy/set-swap-space", StepRole::disk},
    {"docker/setup-qemu-action", StepRole::emulation},
    {"nix-community/cache-nix-action", StepRole::store_archive},
    {"determinatesystems/magic-nix-cache-action", StepRole::store_archive},
    {"determinatesystems/flakehub-cache-action", StepRole::store_archive},
    {"determinatesystems/update-flake-lock", StepRole::update},
    {"peter-evans/create-pull-request", StepRole::update},
    {"sarisia/actions-status-discord", StepRole::notice},
    {"slackapi/slack-github-action", StepRole::notice},
}};

struct Command {
    const char* pattern; // ECMAScript
    StepRole role;
};
// The first that is found decides: who pushes what was built is there for the cache.
constexpr std::array<Command, 10> commands{{
    {R"(\bcachix\s+(push|watch-exec|watch-store|use|authtoken)\b|\battic\s+(push|watch-store|login|use)\b|)"
     R"(\bnix\s+copy\s+(\S+\s+)*--to\b)",
     StepRole::cache},
    {R"(\bnix\s+flake\s+update\b|\bnix\s+flake\s+lock\s+--update-input\b)", StepRole::update},
    {R"(\bnix\s+flake\s+check\b)", StepRole::check},
    {R"(\bnix-store\s+--verify\b)", StepRole::store_archive},
    {R"(discord\.com/api/webhooks|discordapp\.com/api/webhooks|hooks\.slack\.com)", StepRole::notice},
    {R"(\b(nixos\.org|releases\.nixos\.org)/nix\S*/?install\b|install\.determinate\.systems)", StepRole::installer},
    {R"(\brm\s+-\w*r\w*\s[^\n]*(/usr/share/dotnet|/opt/hostedtoolcache|/usr/local/lib/android|/Applications/Xcode))",
     StepRole::disk},
    {R"(\b(mkswap|swapon)\b)", StepRole::disk},
    {R"(\binstall\b[^\n]*\bca-certificates\b)", StepRole::certificates},
    {R"(\bnix\s+build\b|\bnix-build\b|\bnix-fast-build\b|\b(nixos|darwin)-rebuild\s+build\b|\bhome-manager\s+build\b|)"
     R"(\bnh\s+(os|home|darwin)\s+build\b)",
     StepRole::build},
}};

} // namespace

bool is_taken_over(StepRole role) { return role < StepRole::installer; }

std::vector<std::string> script_lines(std::string_view script) {
    constexpr std::size_t longest = 4000; // std::regex takes stack for each character
    std::vector<std::string> lines;
    bool goes_on = false;
    for (auto piece : split(script, '\n')) {
        auto line = trim(piece);
        if (!goes_on && (line.empty() || line.starts_with('#'))) continue;
        if (!goes_on) lines.emplace_back();
        goes_on = line.ends_with('\\');
        if (goes_on) line.remove_suffix(1);
        auto& whole = lines.back();
        if (whole.size() + line.size() < longest) whole.append(whole.empty() ? "" : " ").append(line);
    }
    return lines;
}

StepRole role_of(std::string_view uses, const std::vector<std::string>& script) {
    auto name = to_lower(uses.substr(0, uses.find('@')));
    for (const auto& action : actions)
        if (name == action.name || name.starts_with(std::string(action.name) + "/")) return action.role;
    for (const auto& command : commands) {
        const std::regex pattern(command.pattern);
        for (const auto& line : script)
            if (std::regex_search(line, pattern)) return command.role;
    }
    return StepRole::ours_to_see;
}

std::optional<std::string> word_after(const std::vector<std::string>& commands_of_step, const std::string& pattern) {
    const std::regex expression(pattern + R"re([\s=]+(?:--?\w\S*(?:\s+\d+)?\s+)*("[^"]*"|'[^']*'|[^\s;|&<>]+))re");
    for (const auto& line : commands_of_step) {
        std::smatch match;
        if (!std::regex_search(line, match, expression)) continue;
        auto word = match[1].str();
        bool is_quoted = word.size() >= 2 && (word[0] == '"' || word[0] == '\'');
        return is_quoted ? word.substr(1, word.size() - 2) : word;
    }
    return {};
}

} // namespace cachefill::init
