#pragma once

#include "report/closure_difference.hpp"

#include <string>

namespace cachefill::report {

// Of one host, since it was complete last.
struct HostChanges {
    std::string host; // "nixos:nas"
    ClosureDifference difference;
};

} // namespace cachefill::report
