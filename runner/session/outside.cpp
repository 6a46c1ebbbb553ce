#include "session/outside.hpp"

#include "base/files.hpp"
#include "cache/make_cache.hpp"
#include "daemon/settings.hpp"
#include "eval/evaluator.hpp"

#include <algorithm>
#include <thread>

namespace cachefill::session {

using async::Task;

std::size_t Outside::threads() const { return std::max(1U, std::thread::hardware_concurrency()); }

Task<Result<daemon::Settings>> Outside::nix_settings(Environment environment, std::vector<std::string> arguments) {
    return daemon::effective_settings(std::move(environment), std::move(arguments));
}

std::unique_ptr<eval::Evaluator> Outside::make_evaluator(async::Executor executor, eval::EvalSettings settings,
                                                         event::Sink& sink) {
    return eval::make_evaluator(executor, std::move(settings), sink);
}

std::unique_ptr<cache::BinaryCache> Outside::make_cache(const cache::CacheUri& uri, cache::Credentials credentials,
                                                        cache::CacheContext context) {
    return cache::make_cache(uri, std::move(credentials), std::move(context));
}

std::optional<std::uint64_t> Outside::free_bytes(const std::filesystem::path& path) {
    auto space = disk_space(path);
    if (!space) return {};
    return space->free_bytes;
}

} // namespace cachefill::session
