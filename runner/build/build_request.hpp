#pragma once

#include "async/clock.hpp"
#include "build/build_record.hpp"
#include "build/limits.hpp"
#include "build/log_tail.hpp"
#include "daemon/connection.hpp"

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace cachefill::build {

// What a build says while it runs.
struct BuildListener {
    std::function<void(plan::DerivationId)> on_started;
    std::function<void(plan::DerivationId, const std::string& line)> on_log_line;
};

// One request to the daemon for one derivation, or for a few tiny ones, and what became of each.
class BuildRequest {
  public:
    BuildRequest(const plan::Graph& graph, const async::Clock& clock, std::vector<plan::DerivationId> derivations,
                 const BuildLimits& limits, const BuildListener& listener);

    struct Ending {
        enum class How {
            ended,      // see the record
            ask_alone,  // the request as a whole ended without a result: only alone it is known whose fault that was
            daemon_gone // under this one, which was alone
        };
        plan::DerivationId derivation;
        How how = How::ended;
        BuildRecord record; // its error is set for daemon_gone, too
    };
    // For each derivation one. The connection's log sink is ours for that long.
    async::Task<std::vector<Ending>> run(daemon::Connection& connection);

  private:
    struct Running {
        plan::DerivationId derivation;
        bool announced = false;
        bool daemon_began = false; // it said that it builds
        async::Clock::TimePoint start, last_line;
        LogTail log;
    };

    void on_log(const daemon::LogEvent& log);
    void announce(Running& running);
    Ending end(const Running& running, const daemon::BuildResult& result) const;
    std::vector<Ending> end_without_results(const Failure& failure, bool daemon_is_gone) const;
    BuildRecord record_of(const Running& running) const;

    std::chrono::milliseconds since(async::Clock::TimePoint moment) const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - moment);
    }

    const plan::Graph& graph_;
    const async::Clock& clock_;
    const BuildLimits& limits_;
    const BuildListener& listener_;
    std::unordered_map<std::string, Running> running_; // by .drv path
};

} // namespace cachefill::build
