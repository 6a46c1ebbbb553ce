#pragma once

#include "async/limiter.hpp"
#include "cache/binary_cache.hpp"

namespace cachefill::test {

// A store path with its NAR: one file of `size` bytes that do not compress, different for every name.
struct Sample {
    Sample(nix::NarInfo i, std::string n) : info(std::move(i)), nar(std::move(n)) {}
    nix::NarInfo info;
    std::string nar;
};
Sample make_sample(const std::string& name, std::size_t size, std::vector<nix::StorePath> references = {});

inline constexpr std::size_t chunk_size = 5 << 20;

// The whole life of an upload, as the pipeline drives it; the budget of each chunk is taken from `budget`.
async::Task<Result<cache::PublishOutcome>> push(cache::BinaryCache& target, async::Limiter& budget, Sample sample,
                                                codec::Compression compression = codec::Compression::zstd);
// Only up to finish(). An upload that failed has been aborted.
async::Task<Result<std::unique_ptr<cache::Upload>>> upload(cache::BinaryCache& target, async::Limiter& budget,
                                                           Sample sample,
                                                           codec::Compression compression = codec::Compression::zstd);

} // namespace cachefill::test
