#include "support/runner_scanner.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cachefill::test {

namespace {

// Escapes are undone in the runner's order: "%25" last.
std::string unescape(std::string text, bool is_property) {
    std::vector<std::pair<std::string, std::string>> escapes{{"%0D", "\r"}, {"%0A", "\n"}};
    if (is_property) {
        escapes.emplace_back("%3A", ":");
        escapes.emplace_back("%2C", ",");
    }
    escapes.emplace_back("%25", "%");
    for (const auto& [from, to] : escapes)
        for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
            text.replace(at, from.size(), to);
    return text;
}

void read_properties(std::string_view text, char separator, std::map<std::string, std::string>& properties) {
    for (auto part : split(text, separator)) {
        auto equals = part.find('=');
        if (equals == std::string_view::npos) continue;
        properties[to_lower(trim(part.substr(0, equals)))] = unescape(std::string(part.substr(equals + 1)), true);
    }
}

bool read_head(std::string_view head, char separator, RunnerScanner::Command& command) {
    auto blank = head.find(' ');
    command.name = to_lower(head.substr(0, blank));
    if (blank != std::string_view::npos) read_properties(head.substr(blank + 1), separator, command.properties);
    return !command.name.empty();
}

} // namespace

bool RunnerScanner::is_registered(const std::string& name) const {
    static const std::vector<std::string> names{
        "error",       "warning",        "notice",        "debug",
        "group",       "endgroup",       "add-mask",      "add-path",
        "add-matcher", "remove-matcher", "echo",          "save-state",
        "set-env",     "set-output",     "stop-commands", "internal-set-repo-path"};
    return name == stop_token_ || std::find(names.begin(), names.end(), name) != names.end();
}

bool RunnerScanner::parse(std::string_view line, Command& command) const {
    line = trim(line);
    if (!line.starts_with("::")) return false;
    auto end = line.find("::", 2);
    if (end == std::string_view::npos || !read_head(line.substr(2, end - 2), ',', command)) return false;
    command.data = unescape(std::string(line.substr(end + 2)), false);
    return is_registered(command.name);
}

bool RunnerScanner::parse_old_form(std::string_view line, Command& command) const {
    auto start = line.find("##[");
    if (start == std::string_view::npos) return false;
    auto end = line.find(']', start);
    if (end == std::string_view::npos || !read_head(line.substr(start + 3, end - start - 3), ';', command))
        return false;
    command.data = std::string(line.substr(end + 1));
    return is_registered(command.name);
}

void RunnerScanner::line(std::string_view line) {
    Command command;
    if (!parse(line, command)) {
        command = {};
        if (!parse_old_form(line, command)) {
            text.emplace_back(line);
            return;
        }
    }
    if (is_stopped()) {
        if (command.name == stop_token_)
            stop_token_.clear();
        else
            text.emplace_back(line);
        return;
    }
    if (command.name == "stop-commands") {
        stop_token_ = command.data;
        return;
    }
    if (command.name == "group") ++open_groups;
    if (command.name == "endgroup") --open_groups;
    if (command.name == "error" || command.name == "warning" || command.name == "notice") {
        if (command.data.size() > 4096) command.data.resize(4096);
        auto same = std::count_if(annotations.begin(), annotations.end(),
                                  [&](const auto& other) { return other.name == command.name; });
        if (same < 10) annotations.push_back(command);
    }
    commands.push_back(std::move(command));
}

void RunnerScanner::read(std::string_view output) {
    rest_ += output;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
        line(std::string_view(rest_).substr(0, end));
        rest_.erase(0, end + 1);
    }
}

} // namespace cachefill::test
