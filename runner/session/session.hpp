#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "base/files.hpp"
#include "base/result.hpp"
#include "cache/cache_info.hpp"
#include "daemon/endpoint.hpp"
#include "daemon/settings.hpp"
#include "eval/git_logins.hpp"
#include "session/machines.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::async {
class Clock;
struct RetryPolicy;
class WorkerPool;
} // namespace cachefill::async

namespace cachefill::cache {
class BinaryCache;
struct CacheUri;
struct Credentials;
} // namespace cachefill::cache

namespace cachefill::daemon {
class Connection;
}

namespace cachefill::eval {
struct EvalSettings;
}

namespace cachefill::event {
class Sink;
}

namespace cachefill::http {
class Client;
}

namespace cachefill::options {
struct Settings;
}

namespace cachefill::presence {
class NixConfiguration;
struct OpenedCache;
struct Patience;
} // namespace cachefill::presence

namespace cachefill::session {

class Outside;

// The real things a command works with, built here and nowhere else, and what the preflight learnt about them.
class Session {
  public:
    Session(async::Executor executor, const options::Settings& settings, const Environment& environment,
            event::Sink& sink, std::shared_ptr<Outside> outside = {}); // null: the real one
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // looking: a cache out of reach is no finding, but kept in cache_failure().
    enum class Need { looking, reading, writing };
    // Finds Nix, reaches the daemon (if `with_store`) and the cache, checks credentials and key. All findings at once:
    // every failure is in the list, each with what to do. `on_store` is called once the daemon has answered: two
    // programs of Nix that open a store for the first time at the same moment spoil it for each other ("schema is
    // corrupt").
    async::Task<std::vector<Failure>> preflight(Need need, bool with_store, std::function<void()> on_store = {});

    // The part of it that concerns this machine: state directory, Nix, daemon. For a service, whose caches may be away.
    async::Task<std::vector<Failure>> find_store();

    async::Executor executor() const { return executor_; }
    const options::Settings& settings() const { return settings_; }
    const Environment& environment() const { return environment_; }
    event::Sink& sink() const { return sink_; }
    async::WorkerPool& workers() { return *workers_; }
    http::Client& client() { return *client_; }
    Outside& outside() const { return *outside_; }
    async::Clock& clock();
    presence::Patience patience() const;

    // For what comes before a preflight, or needs no store; nix() is the same after it.
    presence::NixConfiguration& nix_configuration() { return *nix_configuration_; }

    // Of a preflight only what settings say of Nix, its daemon and its store; no daemon is asked.
    async::Task<Result<void>> learn_nix();

    // After a preflight without findings.
    const daemon::Settings& nix() const { return nix_; }
    const Machines& machines() const { return machines_; }
    // What git is set up with on this machine.
    const eval::GitLogins& git_logins() const { return git_logins_; }
    const daemon::Endpoint& endpoint() const { return endpoint_; }
    daemon::Connection& connection() { return *connection_; } // for short questions; requests queue up
    bool has_store() const { return connection_ != nullptr; } // after a preflight with or without findings
    // A daemon of Nix before 2.9 does not tell; then the attempt does.
    bool may_be_trusted() const;
    // One of our own, for a store that we may write, always trusts us.
    bool is_trusted() const;
    // The own cache; with cache_failure() it is not open.
    presence::OpenedCache take_cache();
    const std::optional<Failure>& cache_failure() const { return cache_failure_; }
    const cache::CacheInfo& cache_info() const { return cache_info_; }
    // The keys by which the cache's own narinfos are judged; empty: none is known.
    std::vector<nix::PublicKey> cache_keys() const;

    // What an evaluator of `flake` goes by, as the settings have it. After learn_nix(), or it knows no store.
    eval::EvalSettings eval_settings(std::string flake);

    // A cache as the command line and its like name it, or only a place to read from; not opened. `retry`: of each
    // request. `ours`: one that we fill, or look at as such.
    enum class Whose { ours, others };
    std::unique_ptr<cache::BinaryCache> make_cache(const cache::CacheUri& uri, cache::Credentials credentials,
                                                   async::RetryPolicy retry, bool for_writing,
                                                   Whose whose = Whose::ours);
    // Another cache to read. The judge has patience with it, so that a single request needs little.
    std::unique_ptr<cache::BinaryCache> make_upstream(const cache::CacheUri& uri);
    // Ends the connection; a service that is idle needs none.
    void close_connection();

    const std::filesystem::path& state_directory() const { return state_directory_; }
    // Once a preflight has looked at it, and found that nobody else could have put something there.
    bool may_use_state() const { return may_use_state_; }

  private:
    async::Task<void> find_nix(std::vector<Failure>& findings);
    async::Task<void> open_cache(Need need, std::vector<Failure>& findings);
    std::vector<std::unique_ptr<cache::BinaryCache>> other_caches(const std::string& own);
    std::filesystem::path git_guard();
    void check_state_directory(std::vector<Failure>& findings);
    void check_disk(std::vector<Failure>& findings) const;

    async::Executor executor_;
    const options::Settings& settings_;
    const Environment& environment_;
    event::Sink& sink_;
    std::shared_ptr<Outside> outside_;
    std::unique_ptr<async::WorkerPool> workers_;
    std::unique_ptr<presence::NixConfiguration> nix_configuration_;
    std::unique_ptr<http::Client> client_; // asks as Nix would
    std::filesystem::path state_directory_;
    bool may_use_state_ = false;
    std::optional<TemporaryDirectory> git_guard_;
    daemon::Settings nix_;
    Machines machines_;
    eval::GitLogins git_logins_;
    daemon::Endpoint endpoint_;
    std::unique_ptr<daemon::Connection> connection_;
    std::optional<Secret> cache_token_; // good for other Cachix caches as well
    std::unique_ptr<cache::BinaryCache> cache_;
    cache::CacheInfo cache_info_;
    std::optional<Failure> cache_failure_;
};

} // namespace cachefill::session
