#pragma once

#include "base/result.hpp"
#include "event/event.hpp"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace cachefill::report {

// One event as one line of JSON, without a newline: "version", "type", then the event's own fields. docs/report.md
// describes them.
std::string json_line(const event::Event& event);

// Events as they happen, a line each, for programs that watch a run.
class EventLines final : public event::Sink {
  public:
    // Begins the file anew; "-" is the standard output. A machine failure if it cannot be opened.
    static Result<std::unique_ptr<EventLines>> open(const std::string& file);

    void on_event(const event::Event& event) override;
    // Why lines are missing (a full disk, a reader that went away); nothing if none is.
    const std::optional<Failure>& trouble() const { return trouble_; }

  private:
    struct Close {
        void operator()(std::FILE* stream) const {
            if (stream != stdout) std::fclose(stream);
        }
    };
    EventLines(std::string name, std::FILE* stream) : name_(std::move(name)), stream_(stream) {}

    std::string name_; // for a person
    std::unique_ptr<std::FILE, Close> stream_;
    std::optional<Failure> trouble_;
};

} // namespace cachefill::report
