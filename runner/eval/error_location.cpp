#include "eval/error_location.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace cachefill::eval {

namespace {

constexpr std::size_t longest_message_lines = 30;
constexpr std::size_t longest_message_bytes = 8192;

// "file:12:3" → {file, 12, 3}, "file:12" → {file, 12, 0}.
ErrorFrame split_position(std::string_view text) {
    ErrorFrame frame{.file = std::string(text)};
    std::vector<std::uint64_t> numbers;
    std::string_view rest = text;
    while (numbers.size() < 2) {
        auto colon = rest.rfind(':');
        if (colon == std::string_view::npos) break;
        auto number = parse_u64(rest.substr(colon + 1));
        if (!number) break;
        numbers.push_back(*number);
        rest = rest.substr(0, colon);
    }
    if (numbers.empty()) return frame;
    frame.file = std::string(rest);
    frame.line = numbers.back();
    frame.column = numbers.size() == 2 ? numbers.front() : 0;
    return frame;
}

std::string_view without_query(std::string_view url) { return url.substr(0, url.find('?')); }

bool ends_a_path(char c) { return c == '\'' || c == '"' || c == '`' || c == ' ' || c == '\n' || c == ',' || c == ')'; }

// `name` is what stands before "/REST" in text that names files of the flake: for the store copy any physical root may
// precede it.
std::string replace_prefixes(std::string text, std::string_view name, bool any_root) {
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos;) {
        auto end = at + name.size();
        if (end >= text.size() || text[end] != '/') {
            at = end;
            continue;
        }
        auto begin = at;
        while (any_root && begin > 0 && !ends_a_path(text[begin - 1])) --begin;
        text.erase(begin, end + 1 - begin);
        at = begin;
    }
    return text;
}

std::string name_files_relatively(std::string text, const SourceMap& sources) {
    if (sources.source) text = replace_prefixes(std::move(text), sources.source->to_string(), true);
    if (!sources.directory.empty())
        text = replace_prefixes(std::move(text), sources.directory.lexically_normal().native(), false);
    return text;
}

// The module system names the file that holds a definition in its message only.
std::optional<ErrorFrame> named_in_text(const std::string& text, const SourceMap& sources) {
    static constexpr std::array<std::string_view, 6> leads{"In `", "in `", "In file ", "in file ", " in /", " at /"};
    for (auto lead : leads) {
        for (std::size_t at = 0; (at = text.find(lead, at)) != std::string::npos;) {
            at += lead.size() - (lead.back() == '/' ? 1 : 0);
            auto end = at;
            while (end < text.size() && !ends_a_path(text[end])) ++end;
            auto word = std::string_view(text).substr(at, end - at);
            while (!word.empty() && (word.back() == ':' || word.back() == '.')) word.remove_suffix(1);
            auto frame = split_position(word);
            if (auto file = sources.relative(frame.file)) {
                frame.file = *file;
                return frame;
            }
        }
    }
    return {};
}

// Nix 2.8 names its own expressions by their text, newer ones «string»; <nix/…> and «nix-internal» are Nix's.
bool is_a_file(std::string_view file) {
    return file.starts_with('/') ||
           (file.starts_with("«") && file.find("»/") != std::string_view::npos && !file.starts_with("«nix-internal»"));
}

ErrorFrame normalized(const ErrorFrame& frame) {
    auto split = split_position(frame.file);
    return {.file = split.file,
            .line = frame.line ? frame.line : split.line,
            .column = frame.column ? frame.column : split.column};
}

std::optional<event::Position> inside(const ErrorFrame& frame, const SourceMap& sources) {
    auto place = normalized(frame);
    auto file = sources.relative(place.file);
    if (!file) return {};
    return event::Position{.file = *file, .line = place.line, .column = place.column};
}

} // namespace

std::optional<std::string> SourceMap::relative(std::string_view file) const {
    if (source) {
        auto prefix = source->to_string() + "/";
        if (auto at = file.find(prefix); at != std::string_view::npos)
            return std::string(file.substr(at + prefix.size()));
    }
    if (!directory.empty()) {
        auto prefix = directory.lexically_normal().native();
        while (prefix.ends_with('/')) prefix.pop_back();
        prefix += '/';
        if (file.starts_with(prefix)) return std::string(file.substr(prefix.size()));
    }
    constexpr std::string_view open = "«";
    constexpr std::string_view close = "»/";
    if (file.starts_with(open)) {
        auto end = file.find(close);
        if (end == std::string_view::npos) return {};
        auto named = file.substr(open.size(), end - open.size());
        bool same = !url.empty() && without_query(named) == without_query(url);
        if (!same && !directory.empty())
            same = without_query(named).ends_with("://" + directory.lexically_normal().native());
        if (same) return std::string(file.substr(end + close.size()));
    }
    return {};
}

namespace {

std::optional<event::Position> place_of(const EvaluatorError& error, const SourceMap& sources) {
    if (auto position = inside(error.own, sources)) return position;
    if (auto frame = named_in_text(sanitize(error.text), sources))
        return event::Position{.file = frame->file, .line = frame->line, .column = frame->column};
    for (const auto& frame : error.trace)
        if (auto position = inside(frame, sources)) return position;
    auto own = normalized(error.own);
    if (!is_a_file(own.file)) return {};
    return event::Position{.file = sanitize(own.file), .line = own.line, .column = own.column};
}

} // namespace

std::optional<event::Position> locate(const EvaluatorError& error, const SourceMap& sources) {
    auto position = place_of(error, sources);
    if (position) position->file = shown_name(position->file); // whoever wrote the flake chose it
    return position;
}

std::string clean_message(const EvaluatorError& error, const SourceMap& sources) {
    auto text = name_files_relatively(clean_foreign(error.text), sources);
    std::vector<std::string> kept;
    std::size_t bytes = 0;
    bool cut = false;
    for (auto line : split(trim(text), '\n')) {
        if (kept.size() == longest_message_lines || bytes + line.size() > longest_message_bytes) {
            cut = true;
            break;
        }
        bytes += line.size();
        kept.emplace_back(line);
    }
    if (kept.empty() && cut) return ellipsize(trim(text), 1000);
    if (cut) kept.emplace_back("…");
    return join(kept, "\n");
}

std::string refusal_variable(std::string_view message) {
    struct Refusal {
        std::string_view phrase;
        std::string_view variable;
    };
    static constexpr std::array<Refusal, 5> refusals{{
        {"unfree licen", "NIXPKGS_ALLOW_UNFREE"},
        {"marked as insecure", "NIXPKGS_ALLOW_INSECURE"},
        {"marked as broken", "NIXPKGS_ALLOW_BROKEN"},
        {"is not available on the requested hostplatform", "NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM"},
        {"not built from source", "NIXPKGS_ALLOW_NONSOURCE"},
    }};
    auto lower = to_lower(message);
    if (lower.find("refusing to evaluate") == std::string::npos) return {};
    for (const auto& refusal : refusals)
        if (lower.find(refusal.phrase) != std::string::npos) return std::string(refusal.variable);
    for (const auto& refusal : refusals) // wording changes, the variable's name has not
        if (message.find(refusal.variable) != std::string_view::npos) return std::string(refusal.variable);
    return {};
}

std::string needed_system(std::string_view message) {
    struct Wording {
        std::string_view before, sure; // the name in quotes follows `before`; `sure` stands somewhere behind it
    };
    static constexpr std::array<Wording, 2> wordings{{{"a '", "is required to build '"}, {"Required system: '", "'"}}};
    for (const auto& [before, sure] : wordings) {
        auto at = message.find(before);
        if (at == std::string_view::npos) continue;
        auto rest = message.substr(at + before.size());
        auto end = rest.find('\'');
        if (end == std::string_view::npos || rest.substr(end).find(sure) == std::string_view::npos) continue;
        auto system = rest.substr(0, end);
        if (system.find('-') != std::string_view::npos && system.find_first_of(" /") == std::string_view::npos)
            return std::string(system);
    }
    return {};
}

} // namespace cachefill::eval
