// What `nix --log-format internal-json` writes to standard error, between lines of any other program.
//
// It makes no difference in which pieces it comes. What is kept for people steers no terminal and is bounded, whatever
// the length of the whole; what an error comes to can be told.
#include "base/text.hpp"
#include "eval/evaluator_log.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

namespace cachefill::fuzz {

namespace {

constexpr std::size_t most_lines = 20;
constexpr std::size_t longest_line = 4 * 2001; // characters of UTF-8

std::string told(std::string_view input, bool at_once) {
    std::string text;
    eval::EvaluatorLog log([&text](event::Severity, const std::string& message) {
        require_harmless(message);
        require(message.size() <= longest_line, "messages are bounded");
        text += message + "\n";
    });
    if (at_once)
        log.feed(input);
    else
        in_pieces(input, input.size(), [&](std::string_view piece) {
            log.feed(piece);
            return true;
        });
    log.finish();
    for (const auto* lines : {&log.foreign_lines(), &log.build_lines()}) {
        require(lines->size() <= most_lines, "few lines are kept");
        for (const auto& line : *lines) {
            require_harmless(line);
            require(line.size() <= longest_line, "lines are bounded");
            text += line + "\n";
        }
    }
    if (const auto& error = log.error()) {
        auto position = eval::locate(*error, {});
        if (position) require_harmless(position->file);
        auto message = eval::clean_message(*error, {});
        require_harmless(message);
        text += message + std::to_string(error->trace.size());
    }
    for (const auto& path : log.built()) text += path.to_string();
    for (const auto& path : log.substituted()) text += path.to_string();
    for (const auto& read : log.reads().reads()) text += read.derivation.to_string() + join(read.outputs, ",");
    return text + std::to_string(log.reads().unnamed());
}

} // namespace

void internal_json(std::string_view input) {
    require(told(input, true) == told(input, false), "pieces make no difference");
}

} // namespace cachefill::fuzz
