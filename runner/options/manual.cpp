#include "options/manual.hpp"

#include "base/text.hpp"
#include "base/version.hpp"
#include "options/help.hpp"
#include "options/options.hpp"

#include <algorithm>

namespace cachefill::options {

namespace {

// Roff in ASCII: what else there is becomes \[uXXXX], so that no reader has to guess an encoding.
std::string roff(std::string_view text) {
    std::string escaped;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        if (byte == '\\') {
            escaped += "\\e";
        } else if (byte == '-') {
            escaped += "\\-";
        } else if (byte == '\'' || byte == '`') {
            escaped += byte == '\'' ? "\\(aq" : "\\(ga";
        } else if (byte == '.' && (i == 0 || text[i - 1] == '\n')) {
            escaped += "\\&.";
        } else if (byte < 0x80) {
            escaped += text[i];
        } else {
            int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
            char32_t point = byte & (0x3F >> more);
            for (; more > 0 && i + 1 < text.size(); --more)
                point = (point << 6) | (static_cast<unsigned char>(text[++i]) & 0x3F);
            static constexpr std::string_view digits = "0123456789ABCDEF";
            std::string code;
            for (; point > 0 || code.size() < 4; point >>= 4) code.insert(code.begin(), digits[point & 0xF]);
            escaped += "\\[u" + code + "]";
        }
    }
    return escaped;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

std::string option_entry(const Option& option) {
    std::string entry = ".TP\n";
    if (!option.short_flag().empty()) entry += bold(option.short_flag()) + ", ";
    entry += bold(option.flag());
    if (option.type == OptionType::maybe_value)
        entry += italic(option.placeholder);
    else if (option.type != OptionType::toggle)
        entry += " " + italic(option.placeholder);
    if (option.type == OptionType::toggle) entry += ", " + bold("--no-" + option.flag().substr(2));
    entry += "\n" + roff(option.help) + ".\n";
    if (!option.detail.empty()) entry += roff(option.detail) + "\n";
    std::vector<std::string> commands;
    for (auto command : command_list())
        if (option.commands & bit(command)) commands.emplace_back(to_string(command));
    entry += ".br\nCommands: " + roff(join(commands, ", ")) + ".\n";
    if (option.in_config()) entry += "Key: " + bold(option.key) + ".\n";
    if (option.in_environment()) entry += "Variable: " + bold(option.variable()) + ".\n";
    if (option.in_config()) entry += "Where from: " + roff(option.where_from()) + ".\n";
    return entry;
}

constexpr std::string_view tail = R"(.SH FILES
.TP
.I cachefill.yml
Beside the flake, or in
.IR .github/ ;
.B \-\-config
or
.B CACHEFILL_CONFIG
names another one. A flag wins over the environment, the environment over the file.
.TP
.I $XDG_STATE_HOME/cachefill
What is remembered between runs: how long builds took, how much memory evaluations needed.
.TP
.I $XDG_CONFIG_HOME/cachefill/tokens
What
.B cachefill login
stored.
.SH ENVIRONMENT
.TP
.B CACHIX_AUTH_TOKEN
The token for Cachix; else the stored one, or that of cachix itself.
.TP
.BR CACHEFILL_SIGNING_KEY ", " CACHEFILL_SIGNING_KEY_FILE
The key (name:base64) that signs what goes to plain caches and directories.
.TP
.B CACHEFILL_NOTIFY_URL
The webhook that
.B cachefill report
posts to.
.TP
.BR NIX_SSL_CERT_FILE ", " SSL_CERT_FILE
Certificates to check servers with; else the usual places are tried.
.TP
.BR NH_FLAKE ", " NH_OS_FLAKE
The flake, where none is named.
.SH EXIT STATUS
.TP
.B 0
Every target that can be built here is complete in the cache.
.TP
.B 1
Something did not evaluate or build; the rest is in the cache.
.TP
.B 2
Wrong flags or configuration.
.TP
.B 3
Built, but not all of it is in the cache.
.TP
.B 4
Stopped at the deadline; the next run goes on from there.
.TP
.B 5
The machine or a service could not: no Nix, no cache, no disk, no remote builder, no token or key that may write.
.TP
.BR 130 ", " 143
Interrupted by SIGINT; by SIGTERM or SIGHUP.
.PP
If several apply: the first of 2, 5, 130/143, 3, 4, 1.
.SH SEE ALSO
.BR nix (1),
.BR nixos\-rebuild (8)
)";

} // namespace

std::string man_page() {
    std::string page = ".TH CACHEFILL 1 \"\" \"cachefill " + roff(version) +
                       "\" \"User Commands\"\n"
                       ".SH NAME\ncachefill \\- fills a Nix binary cache before any of your machines asks for it\n"
                       ".SH SYNOPSIS\n.B cachefill\n.I COMMAND\n[\\fIARGUMENT\\fR...] [\\fIOPTION\\fR...]\n"
                       ".SH COMMANDS\n";
    for (auto command : command_list()) {
        const auto& about = help_of(command);
        std::string_view tag = ".TP\n";
        for (auto form : split(about.usage, '\n')) {
            page += std::string(tag) + bold(form) + "\n";
            tag = ".TQ\n";
        }
        page += roff(about.description) + "\n";
    }
    page +=
        ".TP\n" + bold("cachefill help [COMMAND]") + "\nExplains it. So does " + bold("--help") + " after a command.\n";
    page += ".SH OPTIONS\nA list option is given several times. " + bold("--config") + " " + italic("FILE") +
            " names another cachefill.yml.\n";
    std::vector<std::string> groups; // some are spread over the table
    for (const auto& option : option_table())
        if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
    for (const auto& group : groups) {
        page += ".SS " + roff(group) + "\n";
        for (const auto& option : option_table())
            if (option.group == group) page += option_entry(option);
    }
    return page + std::string(tail);
}

} // namespace cachefill::options
