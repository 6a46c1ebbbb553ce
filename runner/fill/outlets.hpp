#pragma once

#include "push/pipeline.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace cachefill::fill {

// Where what a run has goes: into the cache that decides, and into further ones. None if nothing is to be pushed.
class Outlets {
  public:
    // That of the cache that decides comes first. It outlives this.
    void add(push::Pipeline& pipeline) { all_.push_back(&pipeline); }
    bool are_open() const { return !all_.empty(); }

    void push(const nix::StorePath& path, bool built_by_this_run);
    // What needs no build for the cache that decides may be missing in the others.
    void push_further(const nix::StorePath& path);
    void close();                               // no more will come
    void stop(std::chrono::milliseconds grace); // see push::Pipeline
    std::size_t unsettled() const;              // paths, in all caches

    // What became of each path in the cache that decides.
    const push::Ledger& ledger() const;
    // Nobody reads it here any more: the cache that decides has it, and the others have come to an end with it.
    bool are_done_with(const nix::StorePath& path) const;

  private:
    std::vector<push::Pipeline*> all_;
};

} // namespace cachefill::fill
