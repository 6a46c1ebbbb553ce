#include "github/commands.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <random>

namespace cachefill::github {

namespace {

constexpr std::size_t longest_message = 4000; // GitHub cuts at 4096 and keeps the beginning
constexpr std::size_t longest_title = 200;
constexpr std::size_t longest_line = 4000;

std::string escape(std::string_view text, std::string_view more) {
    std::string escaped;
    escaped.reserve(text.size());
    for (char c : text) {
        if (c == '%' || c == '\r' || c == '\n' || more.find(c) != std::string_view::npos)
            escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        else
            escaped += c;
    }
    return escaped;
}

std::string harmless_line(std::string_view line) {
    // Cut before anything looks at it: a builder may print megabytes without a newline.
    std::string text(line);
    if (line.size() > longest_line)
        text = fmt::format("{} … {} bytes left out … {}", line.substr(0, longest_line / 2), line.size() - longest_line,
                           line.substr(line.size() - longest_line / 2));
    text = sanitize(text);
    for (auto at = text.find("##["); at != std::string::npos; at = text.find("##[", at)) text.insert(at + 2, " ");
    // The runner skips blanks of every sort before "::"; what they are in Unicode is its affair.
    auto start = text.find("::");
    bool only_blanks = start != std::string::npos;
    for (std::size_t i = 0; only_blanks && i < start; ++i)
        only_blanks = text[i] == ' ' || text[i] == '\t' || static_cast<unsigned char>(text[i]) >= 0x80;
    if (only_blanks) text.insert(start, "| ");
    return text;
}

} // namespace

std::string escape_data(std::string_view text) { return escape(text, ""); }
std::string escape_property(std::string_view text) { return escape(text, ":,"); }

std::string_view to_string(Level level) {
    switch (level) {
    case Level::notice:
        return "notice";
    case Level::warning:
        return "warning";
    case Level::error:
        break;
    }
    return "error";
}

std::string to_command(const Annotation& annotation) {
    std::vector<std::string> properties;
    if (!annotation.file.empty()) {
        properties.push_back("file=" + escape_property(sanitize(annotation.file)));
        if (annotation.line > 0) properties.push_back(fmt::format("line={}", annotation.line));
        if (annotation.line > 0 && annotation.column > 0)
            properties.push_back(fmt::format("col={}", annotation.column));
    }
    auto title = ellipsize(sanitize(annotation.title), longest_title);
    if (!title.empty()) properties.push_back("title=" + escape_property(title));
    auto message = ellipsize(sanitize(annotation.message), longest_message);
    return fmt::format("::{}{}{}::{}\n", to_string(annotation.level), properties.empty() ? "" : " ",
                       join(properties, ","), escape_data(message));
}

std::string AnnotationBudget::add(Annotation annotation) {
    auto& kept = levels_[static_cast<std::size_t>(annotation.level)];
    if (kept.shown + 1 < per_level) {
        ++kept.shown;
        return to_command(annotation);
    }
    if (kept.held.empty())
        kept.held.push_back(std::move(annotation));
    else
        ++kept.more;
    return {};
}

std::string AnnotationBudget::close() {
    std::string commands;
    for (auto& kept : levels_) {
        if (kept.held.empty()) continue;
        auto last = std::move(kept.held.front());
        if (kept.more > 0) {
            Annotation rest;
            rest.level = last.level;
            rest.title = fmt::format("{} and {} more", last.title, kept.more);
            rest.message =
                fmt::format("GitHub shows ten of these for a step. The summary of this step lists the {} that "
                            "are not shown.",
                            kept.more + 1);
            last = std::move(rest);
        }
        commands += to_command(last);
        kept = {};
    }
    return commands;
}

std::string group(std::string_view title) { return "::group::" + escape_data(title) + "\n"; }
std::string end_group() { return "::endgroup::\n"; }

std::string mask(std::string_view secret) {
    std::string commands;
    for (auto line : split(secret, '\n'))
        if (auto value = trim(line); !value.empty()) commands += "::add-mask::" + escape_data(value) + "\n";
    return commands;
}

std::string stop_commands(std::string_view token) { return fmt::format("::stop-commands::{}\n", token); }
std::string resume_commands(std::string_view token) { return fmt::format("::{}::\n", token); }

std::string random_token() {
    std::random_device source;
    std::string token;
    for (int i = 0; i < 4; ++i) token += fmt::format("{:08x}", source());
    return token;
}

std::string harmless(std::string_view text) {
    std::string result;
    for (std::size_t start = 0; start < text.size();) {
        auto end = text.find('\n', start);
        bool is_last = end == std::string_view::npos;
        result += harmless_line(text.substr(start, is_last ? end : end - start));
        if (is_last) break;
        result += '\n';
        start = end + 1;
    }
    return result;
}

std::string harmless_json(std::string json) {
    for (auto at = json.find("##["); at != json.npos; at = json.find("##[", at)) json.replace(at, 1, "\\u0023");
    return json;
}

} // namespace cachefill::github
