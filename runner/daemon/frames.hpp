#pragma once

#include "daemon/messages.hpp"
#include "daemon/wire.hpp"

#include <unordered_map>
#include <variant>

// What the daemon sends before a reply: a word that names the frame, then its payload (Nix, libstore/daemon.cc,
// TunnelLogger; libutil/logging.hh has the numbers of activities and results).
namespace cachefill::daemon {

enum class FrameKind : std::uint64_t {
    next = 0x6f6c6d67,
    read = 0x64617461,
    write = 0x64617416,
    last = 0x616c7473,
    error = 0x63787470,
    start_activity = 0x53545254,
    stop_activity = 0x53544f50,
    result = 0x52534c54,
};

// Views lie in the bytes that were read.
using Field = std::variant<std::uint64_t, std::string_view>;

struct StartActivityFrame {
    std::uint64_t id = 0;
    std::uint64_t level = 0;
    std::uint64_t type = 0;
    std::string_view text;
    std::vector<Field> fields;
    std::uint64_t parent = 0;
};
StartActivityFrame read_start_activity(WireReader& reader);

struct ResultFrame {
    std::uint64_t id = 0;
    std::uint64_t type = 0;
    std::vector<Field> fields;
};
ResultFrame read_result(WireReader& reader);

// An ERROR frame, as a failure of kind store; the daemon's trace becomes its context.
Failure read_error(WireReader& reader);

// Remembers the activities under way and makes events of frames. Most frames say nothing new: no event.
class ActivityLog {
  public:
    std::optional<LogEvent> on_next(std::string_view text);
    std::optional<LogEvent> on_start(const StartActivityFrame& frame);
    std::optional<LogEvent> on_stop(std::uint64_t id);
    std::optional<LogEvent> on_result(const ResultFrame& frame);

    std::size_t under_way() const { return activities_.size(); }
    // A request has ended, and everything it did with it.
    void clear() { activities_.clear(); }

  private:
    struct Activity {
        std::uint64_t type = 0;
        std::uint64_t done = 0;
        std::uint64_t failed = 0;
        std::optional<nix::StorePath> path; // its own, else its parent's
        std::string cache;                  // likewise
    };
    std::optional<LogEvent> on_progress(Activity& activity, const ResultFrame& frame);

    std::unordered_map<std::uint64_t, Activity> activities_;
};

} // namespace cachefill::daemon
