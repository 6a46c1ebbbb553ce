#pragma once

#include "nix/derivation.hpp"

#include <functional>
#include <string>
#include <vector>

namespace cachefill::nix {

// One thing that is different in itself, not because something below it is.
struct DerivationDifference {
    enum class Kind {
        attribute, // an attribute of both has another value
        added,     // only the second has this attribute or input
        removed,   // only the first has it
        source,    // an input source of the same name has another content
        version,   // the name itself: hello-2.10 and hello-2.12
        unreadable // one of the two cannot be read, so what differs in it stays unknown
    };
    Kind kind;
    std::string derivation;       // its name: "firefox-142.0"
    std::string what;             // the attribute, source or input
    std::string first, second;    // values, shortened, hashes of store paths left out
    std::vector<std::string> way; // names of derivations from the root to it, the root first

    // "the attribute 'version' of firefox-142.0 is '142.0' there and '141.0' here"
    std::string text(std::string_view first_is, std::string_view second_is) const;
};

// What makes the closures of two derivations different: at most `most` causes, nearest to the leaves first in the order
// in which a walk meets them; empty when both are the same. Inputs are matched by name (then by name without version);
// output paths, which follow from everything else, are no cause. Each pair is looked at once.
std::vector<DerivationDifference> find_differences(const StorePath& first, const StorePath& second,
                                                   const std::function<Result<Derivation>(const StorePath&)>& read,
                                                   std::size_t most = 20);

} // namespace cachefill::nix
