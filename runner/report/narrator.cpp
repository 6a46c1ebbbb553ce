#include "report/narrator.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "report/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cachefill::report {

using namespace std::chrono_literals;

namespace {

// Builds faster than this are not worth a lasting line of their own; the report counts them.
constexpr auto worth_a_line = 10s;
constexpr std::size_t word_width = 9;
constexpr std::size_t most_error_lines = 6; // of a build; the JSON report has all

} // namespace

std::string fenced(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    std::string result;
    if (text.empty()) return result;
    for (auto line : split(text, '\n')) {
        while (line.ends_with(' ')) line.remove_suffix(1);
        result += line.empty() ? std::string("  |\n") : fmt::format("  | {}\n", sanitize(line));
    }
    return result;
}

std::string error_of_build(std::string_view error) {
    auto lines = split(trim(error), '\n');
    if (lines[0].empty()) return {};
    auto text = "  " + one_line(lines[0]) + "\n";
    for (std::size_t i = 1; i < std::min(lines.size(), most_error_lines); ++i)
        if (!trim(lines[i]).empty()) text += fenced(lines[i]);
    return text;
}

std::string_view outcome_in_words(event::BuildOutcome outcome) {
    return outcome == event::BuildOutcome::timed_out ? "timed out" : event::to_string(outcome);
}

std::string to_string(const event::Position& position) {
    std::string text = position.file;
    if (position.line > 0) text += fmt::format(":{}", position.line);
    if (position.line > 0 && position.column > 0) text += fmt::format(":{}", position.column);
    return text;
}

std::string Narrator::line(Tone tone, std::string_view word, std::string_view rest) const {
    return style_(tone, pad_right(std::string(word), word_width)) + " " + shown_name(rest) + "\n";
}

std::string Narrator::message(event::Severity severity, const std::string& text, const std::string& hint) const {
    bool matters = severity == event::Severity::warning || severity == event::Severity::error;
    if (voice_ == Voice::quiet && !matters) return {};
    if (voice_ == Voice::normal && severity == event::Severity::info) return {};
    auto tone = severity == event::Severity::error     ? Tone::bad
                : severity == event::Severity::warning ? Tone::warn
                                                       : Tone::plain;
    auto told = style_(tone, fmt::format("{}:", event::to_string(severity)));
    std::string_view before = " ";
    for (auto line : split(trim(text), '\n')) told += std::string(std::exchange(before, "  ")) + sanitize(line) + "\n";
    before = "  hint: ";
    if (!hint.empty())
        for (auto line : split(trim(hint), '\n'))
            told += std::string(std::exchange(before, "  ")) + sanitize(line) + "\n";
    return told;
}

std::string Narrator::evaluation(const event::EvaluationFinished& finished) const {
    if (finished.succeeded) {
        if (voice_ == Voice::quiet) return {};
        if (!finished.needs_system.empty())
            return line(Tone::plain, "elsewhere",
                        finished.target + "  to evaluate it takes a " + finished.needs_system + " machine");
        auto rest =
            finished.target + "  " +
            (finished.evaluated_before ? "as before, nothing it is made of changed" : human_duration(finished.took));
        if (finished.impure) rest += ", needed --impure";
        if (finished.built_by_evaluation > 0)
            rest += fmt::format(", {} by evaluation itself", counted(finished.built_by_evaluation, "build"));
        return line(Tone::good, "evaluated", rest);
    }
    auto headline = finished.target + " does not evaluate";
    if (finished.position) headline += ": " + to_string(*finished.position);
    auto text = style_(Tone::bad, "error:") + " " + shown_name(headline) + "\n" + fenced(finished.error);
    return finished.hint.empty() ? text : text + "  hint: " + one_line(finished.hint) + "\n";
}

std::string Narrator::build(const event::BuildFinished& finished) {
    using event::BuildOutcome;
    switch (finished.outcome) {
    case BuildOutcome::built:
        if (voice_ == Voice::quiet || (voice_ == Voice::normal && finished.took < worth_a_line)) return {};
        return line(Tone::good, "built", finished.name + "  " + human_duration(finished.took));
    case BuildOutcome::found:
        return voice_ == Voice::verbose ? line(Tone::plain, "found", finished.name) : std::string();
    case BuildOutcome::blocked:
        ++blocked_[finished.blocked_by];
        if (voice_ != Voice::verbose) return {};
        return line(Tone::warn, "blocked", finished.name + " by " + finished.blocked_by);
    case BuildOutcome::failed:
    case BuildOutcome::timed_out:
    case BuildOutcome::silent:
    case BuildOutcome::refused:
        break;
    case BuildOutcome::cancelled:
    case BuildOutcome::not_started:
    case BuildOutcome::elsewhere:
        if (voice_ != Voice::verbose) return {};
        return line(Tone::warn, event::to_string(finished.outcome), finished.name);
    }
    bool was_tried = finished.outcome != BuildOutcome::refused && !finished.failed_elsewhere;
    auto text = line(Tone::bad, outcome_in_words(finished.outcome),
                     was_tried ? finished.name + " after " + human_duration(finished.took) : finished.name);
    if (!whole_logs_) return text + error_of_build(finished.error);
    text += fenced(finished.error);
    if (!finished.log_tail.empty()) {
        text += fmt::format("  last {}:\n", counted(finished.log_tail.size(), "log line"));
        for (const auto& log_line : finished.log_tail) text += fenced(log_line.empty() ? " " : log_line);
    }
    return text + (was_tried ? "  all of it: " + log_command_ + " " : std::string("  it is ")) + finished.derivation +
           "\n";
}

std::string Narrator::push(const event::PushFinished& finished) const {
    using event::PushOutcome;
    auto with_reason = finished.reason.empty() ? finished.path : finished.path + ": " + finished.reason;
    switch (finished.outcome) {
    case PushOutcome::failed:
        return line(Tone::bad, "not up", with_reason);
    case PushOutcome::withheld:
        return line(Tone::warn, "withheld", with_reason);
    case PushOutcome::published:
        if (voice_ != Voice::verbose) return {};
        return line(Tone::good, "pushed",
                    fmt::format("{}  {}, {} compressed, {}", path_name(finished.path), human_bytes(finished.nar_size),
                                human_bytes(finished.file_size), human_duration(finished.took)));
    case PushOutcome::already_there:
    case PushOutcome::not_pushed:
        break;
    }
    return voice_ == Voice::verbose ? line(Tone::plain, event::to_string(finished.outcome), with_reason)
                                    : std::string();
}

// Once for each wait; how long it takes is seen in the live block, or with the signs of life.
std::string Narrator::waiting(const event::CacheWaiting& waiting, const Progress& progress) const {
    using State = event::CacheWaiting::State;
    switch (waiting.state) {
    case State::waits:
        if (progress.waits.contains(waiting.cache)) return {};
        return message(
            event::Severity::notice,
            "waiting for " + waiting.cache + ", at most " + human_duration(waiting.patience) + ": " + waiting.said, {});
    case State::back:
        return message(event::Severity::notice,
                       waiting.cache + " answers again, after " + human_duration(waiting.waited), {});
    case State::over:
        break;
    }
    return message(event::Severity::warning, waiting.cache + " could not be asked: " + waiting.said, {});
}

// The live block shows it as it changes; a log is told what is new.
std::string Narrator::waiting(const event::CloudWaiting& waiting, const Progress& progress) const {
    if (!whole_logs_ || (progress.cloud && progress.cloud->text == one_line(waiting.text))) return {};
    return message(event::Severity::notice, "waiting: " + waiting.text, {});
}

std::string Narrator::log_line(const event::BuildLogLine& log, const Progress& progress) const {
    if (voice_ != Voice::verbose) return {};
    auto it = progress.builds.find(log.derivation);
    auto name = it != progress.builds.end() ? it->second.name : path_name(log.derivation);
    return style_(Tone::dim, shown_name(name) + ">") + " " + sanitize(log.line) + "\n";
}

std::string Narrator::verdict(const event::TargetVerified& verified) const {
    if (voice_ != Voice::verbose) return {};
    return line(verified.verdict == event::TargetVerdict::complete ? Tone::good : Tone::warn, "verified",
                fmt::format("{}  {}, {}, {}", verified.target, event::to_string(verified.verdict),
                            counted(verified.closure_paths, "path"), human_bytes(verified.closure_bytes)));
}

std::string Narrator::tell(const event::Event& event, const Progress& progress) {
    if (const auto* e = std::get_if<event::Message>(&event)) return message(e->severity, e->text, e->hint);
    if (const auto* e = std::get_if<event::CacheWaiting>(&event)) return waiting(*e, progress);
    if (const auto* e = std::get_if<event::CloudWaiting>(&event)) return waiting(*e, progress);
    if (const auto* e = std::get_if<event::EvaluationFinished>(&event)) return evaluation(*e);
    if (const auto* e = std::get_if<event::BuildFinished>(&event)) return build(*e);
    if (const auto* e = std::get_if<event::PushFinished>(&event)) return push(*e);
    if (const auto* e = std::get_if<event::BuildLogLine>(&event)) return log_line(*e, progress);
    if (const auto* e = std::get_if<event::TargetVerified>(&event)) return verdict(*e);
    if (const auto* e = std::get_if<event::FetchFinished>(&event); e && !e->succeeded && voice_ != Voice::quiet)
        return line(Tone::warn, "no fetch", path_name(e->path) + ": " + one_line(e->error));
    if (const auto* e = std::get_if<event::StageFinished>(&event); e && voice_ == Voice::verbose)
        return line(Tone::plain, "stage", fmt::format("{}  {}", event::to_string(e->stage), human_duration(e->took)));
    return {};
}

std::string Narrator::tell_rest() {
    std::string text;
    if (voice_ != Voice::quiet)
        for (const auto& [name, count] : blocked_)
            text += line(Tone::warn, "blocked", fmt::format("{} by {}", counted(count, "build"), name));
    blocked_.clear();
    return text;
}

} // namespace cachefill::report
