#pragma once

#include "event/event.hpp"
#include "report/progress.hpp"
#include "report/style.hpp"

#include <map>
#include <string>

namespace cachefill::report {

enum class Voice { quiet, normal, verbose };

// What is said once about an event and stays: lasting lines above the live block, or lines of a log.
class Narrator {
  public:
    // `whole_logs`: the last lines of a failed build are told with its failure, not left to the closing report;
    // `log_command` shows all of them.
    Narrator(Voice voice, Style style, bool whole_logs, std::string log_command)
        : voice_(voice), style_(style), whole_logs_(whole_logs), log_command_(std::move(log_command)) {}

    // Lines, each with a newline; empty if there is nothing to say. Call it before `progress` applies the event.
    std::string tell(const event::Event& event, const Progress& progress);
    // What was kept to be said in one line: how many builds a failure blocks.
    std::string tell_rest();

  private:
    std::string message(event::Severity severity, const std::string& text, const std::string& hint) const;
    std::string evaluation(const event::EvaluationFinished& finished) const;
    std::string build(const event::BuildFinished& finished);
    std::string push(const event::PushFinished& finished) const;
    std::string waiting(const event::CacheWaiting& waiting, const Progress& progress) const;
    std::string waiting(const event::CloudWaiting& waiting, const Progress& progress) const;
    std::string log_line(const event::BuildLogLine& line, const Progress& progress) const;
    std::string verdict(const event::TargetVerified& verified) const;
    std::string line(Tone tone, std::string_view word, std::string_view rest) const;

    Voice voice_;
    Style style_;
    bool whole_logs_;
    std::string log_command_;
    std::map<std::string, std::uint64_t> blocked_; // number of builds, by what blocks them
};

// "  | line" for each line of foreign text, so that it cannot be taken for ours.
std::string fenced(std::string_view text);

// A build's error in few lines; behind the first stands what it is about, such as the two hashes where one is wrong.
std::string error_of_build(std::string_view error);

// "failed", "timed out", "silent", …: of a build, before its name.
std::string_view outcome_in_words(event::BuildOutcome outcome);

// "hosts/web.nix:12:5", as far as it is known.
std::string to_string(const event::Position& position);

} // namespace cachefill::report
