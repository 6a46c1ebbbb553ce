#pragma once

#include "base/environment.hpp"
#include "eval/past_evaluations.hpp"

#include <cstdint>
#include <filesystem>

namespace cachefill::eval {

// What Nix's collector begins with at most, if nobody says otherwise; then it collects again and again as the heap
// grows by and by.
inline constexpr std::uint64_t own_heap_of_nix = 384ULL << 20;

// The variable with which the collector begins with another size, in bytes.
inline constexpr const char* heap_variable = "GC_INITIAL_HEAP_SIZE";

// With how large a heap an evaluator begins that is to stay within `granted` bytes; 0: with Nix's own. As much as the
// target needed the last time: with that, hardly anything is collected twice, and more is only memory to be cleared
// (docs/benchmarks.md). None for a target whose need is not known, or that took more processor time with room than
// without; none that Nix has by itself. Pure.
std::uint64_t room_for(const PastEvaluation& past, std::uint64_t granted);

// May a process be given a large heap that it perhaps never touches? Not where address space is limited or counted
// (ulimit, vm.overcommit_memory=2): it would not even start. `root` stands before /proc in tests.
bool may_reserve_room(const std::filesystem::path& root = "/");

} // namespace cachefill::eval
