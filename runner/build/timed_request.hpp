#pragma once

#include "async/clock.hpp"
#include "daemon/connection.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace cachefill::build {

using BuildResults = Result<std::vector<daemon::BuildResult>>;

// Asks for these builds, and gives up at a moment that builds may put off as they go on: for whom the daemon does not
// watch the time. `at_the_latest` is asked again whenever that moment, or `look_every`, has passed; nothing: not yet.
// Nothing is returned when it was given up; the connection is broken then, which ends its builds.
async::Task<std::optional<BuildResults>>
ask_in_time(daemon::Connection& connection, std::vector<daemon::DerivedPath> wanted, async::Clock& clock,
            std::chrono::milliseconds look_every,
            std::function<std::optional<async::Clock::TimePoint>()> at_the_latest);

} // namespace cachefill::build
