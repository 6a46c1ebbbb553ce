#pragma once

#include "async/clock.hpp"
#include "build/build_record.hpp"
#include "build/limits.hpp"
#include "build/log_tail.hpp"
#include "build/remote_words.hpp"
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

// Who is asked to build: this machine, or one of the daemon's remote builders.
enum class Builder { here, remote };

// One request to the daemon for one derivation, or for a few tiny ones, and what became of each. A remote builder is
// asked for one alone. Nix does not tell every one of them of the limits of time, so those are watched here as well.
class BuildRequest {
  public:
    BuildRequest(const plan::Graph& graph, async::Clock& clock, std::vector<plan::DerivationId> derivations,
                 const BuildLimits& limits, const BuildListener& listener, Builder builder = Builder::here);

    struct Ending {
        enum class How {
            ended,       // see the record
            ask_alone,   // the request as a whole ended without a result: only alone it is known whose fault that was
            daemon_gone, // under this one, which was alone
            builder_failed, // the remote one, for a reason of its own
        };
        plan::DerivationId derivation;
        How how = How::ended;
        BuildRecord record;                    // its error is set whatever has happened
        std::optional<BuilderTrouble> trouble; // of builder_failed
    };
    // For each derivation one. The connection's log sink is ours for that long.
    async::Task<std::vector<Ending>> run(daemon::Connection& connection);

    // Remote builders that Nix tried before, or in place of, the one that built.
    std::vector<BuilderTrouble> passed_over() const;

  private:
    struct Running {
        plan::DerivationId derivation;
        bool announced = false;
        bool daemon_began = false; // it said that it builds
        async::Clock::TimePoint start, last_line;
        std::string builder; // remote, by its address
        LogTail log;
    };
    using Results = Result<std::vector<daemon::BuildResult>>;

    void on_log(const daemon::LogEvent& log);
    void announce(Running& running);
    async::Task<std::optional<Results>> ask(daemon::Connection& connection, std::vector<daemon::DerivedPath> wanted);
    std::optional<async::Clock::TimePoint> at_the_latest() const;
    std::vector<Ending> end_overdue() const;
    void end_at_limit(BuildRecord& record, const Running& running, const std::string& said) const;
    // What the builder, or Nix about it, says of a failure; nothing if that is none of its doing.
    std::optional<Ending> blame_builder(const Running& running, const std::string& said) const;
    Ending end(const Running& running, const daemon::BuildResult& result) const;
    std::vector<Ending> end_without_results(const Failure& failure, bool daemon_is_gone) const;
    BuildRecord record_of(const Running& running) const;

    std::chrono::milliseconds since(async::Clock::TimePoint moment) const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - moment);
    }

    const plan::Graph& graph_;
    async::Clock& clock_;
    const BuildLimits& limits_;
    const BuildListener& listener_;
    std::unordered_map<std::string, Running> running_; // by .drv path
    Builder builder_;
    std::vector<std::string> messages_; // the last ones
};

} // namespace cachefill::build
