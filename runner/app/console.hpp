#pragma once

#include "async/signal.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

namespace cachefill::event {
class Sink;
}

namespace cachefill::options {
struct Settings;
}

namespace cachefill::report {
class Display;
class EventLines;
class GithubLog;
struct RunReport;
} // namespace cachefill::report

namespace cachefill::app {

// Could something that was printed not be written? What nobody could read is no success; of a reader that went away, as
// `head` does, nothing is said.
bool is_output_lost();
Failure output_is_lost();

// The program's side towards a person: live display, signals, the closing report.
class Console {
  public:
    Console(async::Executor executor, const options::Settings& settings, const Environment& environment);
    ~Console();

    // Before anything is said. A failure if what is asked for cannot be written.
    Result<void> open_events();

    event::Sink& sink();

    // Calls `on_signal` at the first SIGINT, SIGTERM or (as SIGTERM) SIGHUP; a second SIGINT ends the program at once.
    // Runs until cancelled.
    async::Task<void> watch_signals(std::function<void(int)> on_signal);
    // Redraws. Runs until cancelled.
    async::Task<void> keep_drawing();

    // Text for a person, as the locale can show it.
    void say(std::FILE* stream, const std::string& text) const;
    // For good: a person is asked.
    void stop_drawing();

    // Where words for a person go that are not of its course: standard output, unless something for programs has that.
    std::FILE* stream_of_answers() const;

    // The report with the messages that were said.
    report::RunReport completed(report::RunReport report) const;
    // The report on disk (or stdout) as JSON if asked for, then for the person. Returns the exit code: the report's, or
    // 5 if it could not be written.
    // `was_asked`: before_text is the answer to a question, and told though all else be quiet.
    int close_with(report::RunReport report, const std::string& before_text = {}, bool was_asked = false);
    // The same, where the answer is more than the report: `json` goes where the report would, and `line` to standard
    // output, where --matrix leaves nothing else.
    struct Answer {
        std::string text, json, line;
        bool was_asked = true;
    };
    int close_with(report::RunReport report, const Answer& answer);
    // The same for a command with an answer of its own, as text and as one JSON document.
    int close_with_answer(int exit_code, const std::string& text, const std::string& json);
    void print_error(const Failure& failure);
    // On GitHub: the log, for what is no event. Else null.
    report::GithubLog* github_log() const { return github_log_; }

  private:
    void write(const std::string& file, const std::string& text, const std::string& doing, int& exit_code);
    void tell(const report::RunReport& report, const Answer& answer, std::chrono::milliseconds took);

    async::Executor executor_;
    const options::Settings& settings_;
    bool color_;
    const Environment& environment_;
    bool is_drawing_ = true;
    std::size_t width_;
    std::unique_ptr<report::Display> display_;
    report::GithubLog* github_log_ = nullptr;    // the display, if it is one
    std::unique_ptr<report::EventLines> events_; // if asked for
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    class Recorder;
    std::unique_ptr<Recorder> recorder_; // passes events on to the display and keeps what the report shall repeat
};

} // namespace cachefill::app
