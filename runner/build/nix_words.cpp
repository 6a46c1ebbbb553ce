#include "build/nix_words.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cachefill::build {

namespace {

// "last 3 log lines:", "Last 1 log lines:"
bool begins_log(std::string_view line) {
    auto words = split_words(line);
    return words.size() == 4 && iequals(words[0], "last") && parse_u64(words[1]) && words[2] == "log" &&
           words[3].starts_with("line") && words[3].ends_with(':');
}

bool tells_of_more(std::string_view line) { return trim(line).starts_with("For full logs, run"); }

// The command itself, where it stands on a line of its own.
bool is_command(std::string_view line) {
    return trim(line).starts_with("nix log ") || trim(line).starts_with("nix-store -l ");
}

bool is_indented(std::string_view line) { return line.starts_with(' '); }

} // namespace

NixWords nix_words(std::string_view message) {
    NixWords words;
    enum class Within { reason, log, more, paths } within = Within::reason;
    for (auto line : split(message, '\n')) {
        if (begins_log(line))
            within = Within::log;
        else if (tells_of_more(line))
            within = Within::more;
        else if (trim(line) == "Output paths:")
            within = Within::paths;
        else if (within == Within::log && trim(line).starts_with('>'))
            words.log.emplace_back(trim(trim(line).substr(1)));
        else if (within == Within::more ? !is_command(line) : within != Within::paths || !is_indented(line)) {
            within = Within::reason;
            words.reason += std::string(line) + "\n";
        }
    }
    while (!words.reason.empty() && std::string_view(" \n;").find(words.reason.back()) != std::string_view::npos)
        words.reason.pop_back();
    return words;
}

} // namespace cachefill::build
