#pragma once

#include "base/failure.hpp"

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>

namespace cachefill::fuzz {

// Ends the program unless it holds, and says what does not: a finding for libFuzzer as for CTest.
void require(bool holds, std::string_view what, std::source_location where = std::source_location::current());

// What every Failure promises: a kind that the parser documents, a cause, and no byte of foreign text in any of its
// parts that steers a terminal.
void require_told(const Failure& failure, std::initializer_list<FailureKind> kinds,
                  std::source_location where = std::source_location::current());

// Text that came from outside and is shown as it is now: sanitize() would leave it alone.
void require_harmless(std::string_view text, std::source_location where = std::source_location::current());

// A secret that a target puts where one may stand, to look for it where none may be.
inline constexpr std::string_view planted = "p1anted-W0rd";
inline bool holds_planted(std::string_view text) { return text.find(planted) != text.npos; }
// libFuzzer finds it out and writes it, also with something in between that is taken away on the way: says nothing.
bool may_become_planted(std::string_view input);

// All of `input` in pieces, as they might come over a wire; which ones depends on `seed` alone. Each piece is in memory
// of its own, so that AddressSanitizer sees a read past its end. Ends early when `take` returns false.
void in_pieces(std::string_view input, std::size_t seed, const std::function<bool(std::string_view)>& take);

} // namespace cachefill::fuzz
