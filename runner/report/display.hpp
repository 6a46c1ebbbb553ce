#pragma once

#include "event/event.hpp"

#include <chrono>
#include <cstdio>
#include <memory>

namespace cachefill::report {

struct DisplaySettings {
    bool live = false; // a terminal: one block that is redrawn
    bool color = false;
    bool ascii = false;            // the locale shows nothing else
    bool is_log_of_runner = false; // of GitHub, which would obey a line that is a command
    bool quiet = false;            // only warnings, errors and failed builds
    bool verbose = false;          // every build and push, and build logs as they come
    bool signs_of_life = true;     // in a log, when nothing else is said; a service that is idle has none to give
    std::size_t width = 80;
    std::string log_command = "nix log"; // see RunReport
    std::FILE* stream = stderr;
};

// Renders events for a person while the work goes on: on a terminal a live block (stages, running builds with time and
// last line, uploads with rate, what is left, expected end) above which finished things leave lasting lines; in a log
// file milestones, and a sign of life after half a minute of silence.
class Display : public event::Sink {
  public:
    // Redraws what changed; call it about ten times a second on a terminal, once a second otherwise.
    virtual void tick(std::chrono::steady_clock::time_point now) = 0;
    // Removes the live block, so that the final report starts on a clean line.
    virtual void finish() = 0;
    // The terminal has another size now.
    virtual void set_width(std::size_t width) = 0;
};

std::unique_ptr<Display> make_display(DisplaySettings settings);

} // namespace cachefill::report
