#pragma once

#include "async/limiter.hpp"
#include "build/fetch_watch.hpp"
#include "build/outages.hpp"
#include "build/surroundings.hpp"
#include "daemon/connection.hpp"
#include "event/kinds.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace cachefill::build {

// Has this machine's daemon fetch paths from its substituters, each try within limits of its own, and says who is
// waited for.
class Fetcher {
  public:
    struct Wiring {
        // As in DriverCallbacks. May be empty.
        std::function<std::map<std::string, std::string>(const nix::StorePath&)> overrides;
        std::function<std::vector<nix::StorePath>(const nix::StorePath&)> before;
        // Addresses of the caches that have a path, as far as they are known. May be empty.
        std::function<std::vector<std::string>(const nix::StorePath&)> caches_of;
    };
    Fetcher(const Surroundings& at, std::chrono::milliseconds patience, Wiring wiring);

    // Is it this path's turn? A cache that is known to be away is not asked by everybody.
    Outages::Turn turn(const nix::StorePath& path) const;
    // Of a path that is given up before it was tried.
    daemon::FetchReason reason_of_giving_up(const nix::StorePath& path) const;
    // When a turn changes by itself.
    std::optional<Outages::TimePoint> next_moment() const { return outages_.next_moment(clock_.now()); }

    struct Outcome {
        enum class How {
            fetched,
            later, // a cache is away: offer it again, see turn()
            failed // for good
        };
        How how = How::fetched;
        daemon::FetchReason reason = {};
    };
    // To one daemon process, with the settings that it was given. It reads its list of substituters once.
    struct Line {
        std::unique_ptr<daemon::Connection> connection;
        std::map<std::string, std::string> overrides;
    };
    // Connects `line` if it is not, or is set otherwise; it serves one fetch at a time.
    async::Task<Outcome> fetch(Line& line, nix::StorePath path);

  private:
    struct Try;
    async::Task<Outcome> ask_in_order(Line& line, const nix::StorePath& path);
    async::Task<Outcome> ask_again(Line& line, const nix::StorePath& path);
    async::Task<Outcome> try_once(Line& line, const nix::StorePath& path);
    async::Task<Result<void>> prepare(Line& line, const nix::StorePath& path);
    async::Task<void> ensure(Try& attempt);
    async::Task<void> keep_watch(Try& attempt);
    void on_log(Try& attempt, const daemon::LogEvent& log);
    void settle(const Try& attempt, const Outcome& outcome);
    Outages::TimePoint tell_silence(Try& attempt);
    void tell_trouble(const daemon::FetchReason& reason);
    void tell(const daemon::FetchReason& reason, event::CacheWait state, std::chrono::milliseconds waited);
    std::vector<std::string> caches_of(const nix::StorePath& path) const;

    async::Executor executor_;
    const daemon::Endpoint& endpoint_;
    Roots& roots_;
    async::Clock& clock_;
    std::chrono::milliseconds patience_;
    Wiring wiring_;
    event::Sink& sink_;
    FetchLimits limits_;
    Outages outages_;
    std::map<nix::StorePath, daemon::FetchReason> blamed_; // by path, of its last try
    std::map<std::string, std::string> said_;              // by cache that is away, what happened last
    std::map<std::string, Outages::TimePoint> told_;       // by cache
    async::Limiter first_fetch_;
    bool substituters_are_known_ = false;
};

} // namespace cachefill::build
