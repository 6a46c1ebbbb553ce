#pragma once

#include <cstddef>
#include <optional>

namespace cachefill::test {

// Somebody outside of the program who lets down whoever asks: the n-th time alone, or from then on.
struct Mishaps {
    std::size_t asked = 0;            // times, so far
    std::optional<std::size_t> first; // counted from one; empty: none
    bool for_good = false;

    // Counts one question; true: it is not answered.
    bool next() {
        ++asked;
        return first && (for_good ? asked >= *first : asked == *first);
    }
};

} // namespace cachefill::test
