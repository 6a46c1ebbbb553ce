#include "eval/room.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace cachefill::eval {

namespace {

// Beside the heap that it begins with, an evaluator had up to half of what it needed otherwise (what the collector does
// not know of, and by how much it lets a heap grow before it is full), and a twelfth of the heap.
constexpr std::uint64_t within(std::uint64_t granted, std::uint64_t need) {
    return granted <= need / 2 ? 0 : (granted - need / 2) / 13 * 12;
}

bool is_limited(int what) {
    struct rlimit limit {};
    // As unsigned: g++ and clang see an enum or an int there, by the library.
    return ::getrlimit(static_cast<decltype(RLIMIT_AS)>(what), &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

} // namespace

std::uint64_t room_for(const PastEvaluation& past, std::uint64_t granted) {
    if (past.need == 0 || past.plain.count() == 0) return 0;
    if (past.with_room > past.plain * 21 / 20) return 0;
    auto room = std::min(past.need, within(granted, past.need));
    return room > own_heap_of_nix ? room : 0;
}

bool may_reserve_room(const std::filesystem::path& root) {
    if (is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA)) return false;
    auto counted = read_file(root / "proc/sys/vm/overcommit_memory", 64).value_or({});
    return trim(counted) != "2";
}

} // namespace cachefill::eval
