#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cachefill::build {

// What Nix says of a build that failed, taken apart: its message holds a copy of the log's end, too, with how to see
// all of it and which paths there would have been. Whoever has the log and the derivation knows these.
struct NixWords {
    std::string reason;           // without them; no sign at its end that leads to them
    std::vector<std::string> log; // the copy's lines, which are all there is where the log itself did not come here
};
// As Nix 2.8 and later write it ("last 3 log lines:", "For full logs, run …").
NixWords nix_words(std::string_view message);

} // namespace cachefill::build
