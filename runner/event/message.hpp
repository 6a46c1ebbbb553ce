#pragma once

#include "event/kinds.hpp"

#include <string>

namespace cachefill::event {

// Something a person should know that belongs to no single path: findings of the preflight, retried impurely, a cache
// put aside, disk pressure, waiting for a cache that stays away.
struct Message {
    Severity severity;
    std::string text;
    std::string hint; // may be empty
};

} // namespace cachefill::event
