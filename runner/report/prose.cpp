#include "report/prose.hpp"

#include "base/text.hpp"
#include "report/columns.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace cachefill::report {

namespace {

constexpr std::size_t narrowest = 30; // where nothing can be read in any way

// Columns without the colours, which are of our own making.
std::size_t shown_columns(std::string_view text) { return columns(without_colors(text)); }

std::string_view without_color(std::string_view word) {
    if (word.starts_with('\x1b')) word.remove_prefix(std::min(word.find('m') + 1, word.size()));
    return word.substr(0, word.find('\x1b'));
}

bool begins_prose(std::string_view word) {
    static constexpr std::array<std::string_view, 16> leads{
        "error:", "warning:", "notice:",  "note:", "info:", "hint:",    "cause:", "while:",
        "do:",    "reason:",  "waiting:", "next:", "then:", "changes:", "needed", "asked:"};
    return std::find(leads.begin(), leads.end(), without_color(word)) != leads.end();
}

bool begins_command(std::string_view word) {
    static constexpr std::array<std::string_view, 9> programs{
        "cachefill", "git", "cd", "sudo", "nh", "home-manager", "darwin-rebuild", "gh", "systemctl"};
    bool is_program = std::find(programs.begin(), programs.end(), word) != programs.end();
    bool is_path = word.starts_with('/') || word.starts_with("./");
    bool is_assignment = word.find('=') != word.npos && !word.starts_with('-');
    return is_program || is_path || is_assignment || word == "nix" || word.starts_with("nix-") ||
           word.starts_with("nixos-");
}

bool ends_command(std::string_view word) { return word.ends_with(',') || word.ends_with(';'); }

// "hint:", "do:", "then:", and in a list of steps "a token: gh secret set X". What is told as an error may begin with a
// program's name, too.
bool leads_to_command(std::string_view word) {
    static constexpr std::array<std::string_view, 8> tellers{
        "error:", "warning:", "notice:", "note:", "info:", "cause:", "while:", "reason:"};
    return word.ends_with(':') && std::find(tellers.begin(), tellers.end(), word) == tellers.end();
}

// Pieces between which a line may be broken.
std::vector<std::string> pieces_of(std::string_view line) {
    std::vector<std::string> pieces;
    bool is_quoted = false, is_command = false, may_begin_command = false;
    for (auto word : split_words(line)) {
        if (is_command && word.starts_with('(')) is_command = false;
        bool begins = may_begin_command && begins_command(word);
        if ((is_quoted || is_command) && !pieces.empty())
            pieces.back() += " " + std::string(word);
        else
            pieces.emplace_back(word);
        is_command = (is_command || begins) && !ends_command(word);
        // An apostrophe within a word is none; a quote opens at the beginning of one.
        auto quote = word.find('\'');
        if (!is_quoted && (quote == 0 || (quote == 1 && word[0] == '(')))
            is_quoted = word.find('\'', quote + 1) == std::string_view::npos;
        else if (is_quoted)
            is_quoted = quote == std::string_view::npos;
        may_begin_command = leads_to_command(without_color(word));
    }
    return pieces;
}

// Sentences that begin with what they are about. Tables begin so, too, and have blanks between their columns.
bool is_sentence(std::string_view line) {
    static constexpr std::array<std::string_view, 9> beginnings{
        "nixos:", "darwin:", "home:", "nothing to compile ", "exit ", "ok", "written", "would compile:", "to fetch "};
    auto plain = line.starts_with('\x1b') ? line.substr(std::min(line.find('m') + 1, line.size())) : line;
    bool begins = std::any_of(beginnings.begin(), beginnings.end(), [&](auto one) { return plain.starts_with(one); });
    return begins && line.find("  ") == line.npos;
}

constexpr std::string_view fence = "  | "; // before what another program said

// How the lines of a text begin that goes on in further ones.
struct Margin {
    std::string first, others;
};

std::optional<Margin> margin_of(const std::string& line) {
    if (line.starts_with(fence)) return Margin{std::string(fence), std::string(fence)};
    auto start = line.find_first_not_of(' ');
    if (start == line.npos) return {};
    auto end = line.find(' ', start);
    auto word = std::string_view(line).substr(start, std::min(end, line.size()) - start);
    bool is_item = word == "-" && start == 2;
    if ((is_item || begins_prose(word)) && end != line.npos) {
        auto second = line.find_first_not_of(' ', end);
        if (second == line.npos) return {};
        auto lead = line.substr(0, second);
        return Margin{lead, std::string(shown_columns(lead), ' ')};
    }
    // "1. why it is so" of a numbered list, and what stands below it; of what is to be copied nothing is broken.
    if (std::isdigit(static_cast<unsigned char>(line[0])) && line.substr(0, end).ends_with('.') && end != line.npos)
        return Margin{line.substr(0, end + 1), std::string(end + 1, ' ')};
    bool is_setting = line.find(" = ") != line.npos || line.find('{') != line.npos;
    bool is_below = start == 3 || start == std::string_view("changes: ").size();
    if (is_below && !is_setting && line.find("  ", start) == line.npos)
        return Margin{std::string(start, ' '), std::string(start, ' ')};
    if (is_sentence(line)) return Margin{"", "  "};
    return {};
}

std::string wrap_line(const std::string& line, const Margin& margin, std::size_t width) {
    auto pieces = pieces_of(line);
    auto has_lead = margin.first.find_first_not_of(' ') != std::string::npos;
    std::size_t skipped = has_lead ? 1 : 0; // the lead, or the fence
    auto text = margin.first;
    auto at = shown_columns(text);
    bool is_first = true;
    for (auto i = skipped; i < pieces.size(); ++i) {
        auto taken = shown_columns(pieces[i]);
        if (!is_first && at + 1 + taken > width) {
            text += "\n" + margin.others;
            at = shown_columns(margin.others);
        } else if (!is_first) {
            text += ' ';
            ++at;
        }
        text += pieces[i];
        at += taken;
        is_first = false;
    }
    return text;
}

} // namespace

std::string wrap_sentences(const std::string& text, std::size_t width) {
    if (width < narrowest) return text;
    std::vector<std::string> wrapped;
    for (auto part : split(text, '\n')) {
        auto line = std::string(part);
        auto indent = std::string(std::min(line.find_first_not_of(' '), line.size()), ' ');
        bool is_wide = shown_columns(line) > width;
        auto end = line.substr(std::min(line.find_last_not_of(' ') + 1, line.size())); // where one answers a question
        wrapped.push_back(is_wide ? wrap_line(line, {.first = indent, .others = indent + "  "}, width) + end : line);
    }
    return join(wrapped, "\n");
}

std::string wrap_prose(const std::string& text, std::size_t width) {
    if (width < narrowest) return text;
    std::string wrapped;
    bool is_first = true;
    for (auto line : split(text, '\n')) {
        wrapped += is_first ? "" : "\n";
        is_first = false;
        auto whole = std::string(line);
        auto margin = shown_columns(whole) > width ? margin_of(whole) : std::nullopt;
        wrapped += margin ? wrap_line(whole, *margin, width) : whole;
    }
    return wrapped;
}

} // namespace cachefill::report
