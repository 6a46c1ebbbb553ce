#include "fuzz/check.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace cachefill::fuzz {

void require(bool holds, std::string_view what, std::source_location where) {
    if (holds) return;
    std::fprintf(stderr, "%s:%u: does not hold: %.*s\n", where.file_name(), static_cast<unsigned>(where.line()),
                 static_cast<int>(what.size()), what.data());
    std::abort();
}

void require_harmless(std::string_view text, std::source_location where) {
    require(sanitize(text) == text, "what is shown steers no terminal", where);
}

void require_told(const Failure& failure, std::initializer_list<FailureKind> kinds, std::source_location where) {
    if (std::find(kinds.begin(), kinds.end(), failure.kind()) == kinds.end())
        require(false, "it fails as documented, and not with " + failure.one_line(), where);
    require(!failure.cause().empty(), "a failure has a cause", where);
    require_harmless(failure.cause(), where);
    require_harmless(failure.hint(), where);
    for (const auto& doing : failure.context()) require_harmless(doing, where);
}

bool may_become_planted(std::string_view input) {
    std::size_t matched = 0;
    for (char c : input)
        if (matched < planted.size() && c == planted[matched]) ++matched;
    return matched == planted.size();
}

void in_pieces(std::string_view input, std::size_t seed, const std::function<bool(std::string_view)>& take) {
    std::minstd_rand random(static_cast<std::minstd_rand::result_type>(seed + 1));
    while (!input.empty()) {
        // Mostly a few bytes; sometimes all that is left.
        std::size_t wanted = random() % 8 == 0 ? input.size() : 1 + random() % 40;
        std::string piece(input.substr(0, wanted));
        piece.shrink_to_fit();
        input.remove_prefix(piece.size());
        if (!take(piece)) return;
    }
}

} // namespace cachefill::fuzz
