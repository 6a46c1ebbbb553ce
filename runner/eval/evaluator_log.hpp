#pragma once

#include "eval/error_location.hpp"
#include "eval/read_watch.hpp"
#include "event/kinds.hpp"
#include "nix/store_path.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::eval {

// Reads what `nix --log-format internal-json` writes to standard error, in pieces as they come: lines "@nix {json}"
// with other programs' lines between them. Types and fields: activity 105 is a build [derivation, …], 108 a
// substitution [path, …], result 101 a line of a build's log. No I/O; memory is bounded.
class EvaluatorLog {
  public:
    // `on_message` hears of warnings and traces, sanitized.
    explicit EvaluatorLog(std::function<void(event::Severity, std::string)> on_message)
        : on_message_(std::move(on_message)) {}

    void feed(std::string_view bytes);
    void finish(); // the last line may lack its newline

    // The last error that ended something; warnings that only look like errors do not count while there is a real one.
    const std::optional<EvaluatorError>& error() const { return error_ ? error_ : lesser_error_; }
    const std::vector<nix::StorePath>& built() const { return built_; }
    const std::vector<nix::StorePath>& substituted() const { return substituted_; }
    // Only if nix speaks at verbosity "debug".
    const ReadWatch& reads() const { return reads_; }
    // Last lines that were not nix's own (git's complaints, "error: stack overflow"), sanitized.
    const std::deque<std::string>& foreign_lines() const { return foreign_; }
    // Last lines of builds during evaluation, sanitized.
    const std::deque<std::string>& build_lines() const { return build_lines_; }

  private:
    void line(std::string_view text);
    void event(std::string_view json);
    void message(std::string_view text, std::uint64_t level);

    std::function<void(event::Severity, std::string)> on_message_;
    std::string partial_;
    bool skipping_ = false; // the rest of a line that is too long
    std::optional<EvaluatorError> error_;
    std::optional<EvaluatorError> lesser_error_;
    std::vector<nix::StorePath> built_;
    std::vector<nix::StorePath> substituted_;
    ReadWatch reads_;
    std::deque<std::string> foreign_;
    std::deque<std::string> build_lines_;
};

} // namespace cachefill::eval
