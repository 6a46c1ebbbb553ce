#pragma once

#include "async/clock.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cachefill::cache {
class BinaryCache;
}

namespace cachefill::event {
class Sink;
}

namespace cachefill::session {

// A cache that is being opened, which takes as long as it takes.
struct SlowCache {
    std::string name;
    std::string hint; // for how long it is asked again
};
// Others that somebody here reads; made when they are wanted.
using OtherCaches = std::function<std::vector<std::unique_ptr<cache::BinaryCache>>()>;

// For whoever runs beside the opening, and is cancelled when that ends: says that nothing has come yet, once that has
// taken some seconds. Asks the others then, so that a machine without a network is told from a cache that is away.
async::Task<void> tell_of_slow_cache(async::Clock& clock, event::Sink& sink, SlowCache cache, OtherCaches others);

} // namespace cachefill::session
