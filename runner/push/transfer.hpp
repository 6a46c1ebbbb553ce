#pragma once

#include "async/limiter.hpp"
#include "async/task.hpp"
#include "async/worker_pool.hpp"
#include "cache/binary_cache.hpp"
#include "push/packer.hpp"

#include <functional>
#include <memory>

namespace cachefill::push {

// One path from the disk to the cache, up to but without its publication.
struct Transfer {
    nix::StorePath path;
    PackRequest request;
    std::function<void(std::uint64_t uploaded)> on_progress; // compressed bytes handed to the cache so far
    std::optional<nix::NarInfo> mends;                       // see cache::UploadRequest
    std::optional<nix::NarInfo> described = {};              // likewise
    bool is_unwanted = false; // set it from outside: gives up at the next piece (with an internal failure)

    // What came of it. An upload that is here and not to be published must be aborted before it is destroyed, also
    // when the transfer failed or was cancelled.
    std::unique_ptr<cache::Upload> upload;
    codec::Hash file_hash;
    std::uint64_t file_size = 0;
    bool is_damaged = false; // the failure says that the files are not what the store recorded
};

// What the cache does not take as it comes is packed a second time, to go up whole.
//
// Pieces are packed only once the memory for them has been reserved; what they turn out not to need is given back. The
// upload begins when the first piece is there, so that a small damaged path never reaches the cache.
async::Task<Result<void>> pack_and_upload(Transfer& transfer, cache::BinaryCache& cache, async::WorkerPool& workers,
                                          async::Limiter& memory);

} // namespace cachefill::push
