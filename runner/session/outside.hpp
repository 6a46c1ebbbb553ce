#pragma once

#include "async/clock.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::cache {
class BinaryCache;
struct CacheContext;
struct CacheUri;
struct Credentials;
} // namespace cachefill::cache

namespace cachefill::daemon {
struct Settings;
}

namespace cachefill::eval {
class Evaluator;
struct EvalSettings;
} // namespace cachefill::eval

namespace cachefill::event {
class Sink;
}

namespace cachefill::session {

// What a command meets outside the program, besides Nix's daemon and files: time, threads, Nix's settings, evaluators,
// caches and the disk. This is the real thing; a test that drives whole commands puts a twin in its place.
class Outside {
  public:
    virtual ~Outside() = default;

    virtual async::Clock& clock() { return clock_; }
    virtual std::size_t threads() const;
    // As daemon::effective_settings.
    virtual async::Task<Result<daemon::Settings>> nix_settings(Environment environment,
                                                               std::vector<std::string> arguments);
    virtual std::unique_ptr<eval::Evaluator> make_evaluator(async::Executor executor, eval::EvalSettings settings,
                                                            event::Sink& sink);
    virtual std::unique_ptr<cache::BinaryCache> make_cache(const cache::CacheUri& uri, cache::Credentials credentials,
                                                           cache::CacheContext context);
    // Of the disk that this lies on; empty: it cannot be told.
    virtual std::optional<std::uint64_t> free_bytes(const std::filesystem::path& path);

  private:
    async::SteadyClock clock_;
};

} // namespace cachefill::session
