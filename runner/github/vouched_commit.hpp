#pragma once

#include "base/environment.hpp"

#include <optional>
#include <string>

namespace cachefill::github {

// The commit of this repository whose files somebody vouches for who may write to it, whatever code the event is about.
struct VouchedCommit {
    std::string commit;
    std::string branch;       // where it is, for a person: "main"; empty: that of the run
    bool is_of_event = false; // the event is about this very commit: a push, a schedule, a dispatch
};

// Of a pull request that is the commit it is to be merged into. Empty for an event that is not known, and where the
// runner tells too little: then nobody vouches for anything.
std::optional<VouchedCommit> vouched_commit(const Environment& environment);

} // namespace cachefill::github
