#pragma once

#include "presence/judge.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace cachefill::presence {

// Finds what is in a closure and how large it is, by what is known, by this machine's store and by narinfos, for
// whoever only wants to show it: no signature counts, nothing that is found enters the facts, and each path is asked
// about once, whatever closures it is in.
class ClosureReader {
  public:
    struct Member {
        nix::StorePath path;
        std::uint64_t nar_size;
    };

    // At most `most_questions` narinfos are asked for in all. What is passed outlives the reader.
    ClosureReader(Judge& judge, plan::Graph& graph, const plan::Facts& facts, std::size_t most_questions)
        : judge_(judge), graph_(graph), facts_(facts), questions_left_(most_questions) {}

    // not_found: none of `caches` has some of it.
    async::Task<Result<std::vector<Member>>> read(nix::StorePath top, plan::CacheMask caches,
                                                  daemon::Connection& store);

  private:
    struct Known {
        std::vector<plan::PathId> references;
        std::uint64_t nar_size;
    };
    async::Task<Result<void>> learn(std::vector<plan::PathId> paths, plan::CacheMask caches, daemon::Connection& store);
    async::Task<Result<void>> look_in_store(std::vector<plan::PathId>& unknown, daemon::Connection& store);
    async::Task<Result<void>> look_in_cache(std::vector<plan::PathId>& unknown, std::size_t cache, bool likely);
    void take(plan::PathId path, const std::vector<nix::StorePath>& references, std::uint64_t nar_size,
              std::size_t cache);
    void drop_known(std::vector<plan::PathId>& paths) const;

    Judge& judge_;
    plan::Graph& graph_;
    const plan::Facts& facts_;
    std::size_t questions_left_;
    std::unordered_map<plan::PathId, Known> known_;
    // An upstream has with a path what that refers to: where it most likely is.
    std::unordered_map<plan::PathId, std::size_t> likely_in_;
};

} // namespace cachefill::presence
