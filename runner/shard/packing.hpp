#pragma once

#include "async/worker_pool.hpp"
#include "daemon/endpoint.hpp"
#include "shard/bundle.hpp"
#include "shard/objects.hpp"

#include <filesystem>

namespace cachefill::shard {

// What the header says of these objects: numbers, and what is expected.
BundleContents describe_objects(const Objects& objects);

struct PackedBundle {
    std::uint64_t file_bytes = 0;
};

// Writes the bundle with these objects, whose files are read from the store at `endpoint`, into the file: all of it or,
// after a failure, nothing. A plain file that is there is replaced, what a link leads to and not the link; anything
// else is a usage failure. Nobody but its owner may read the new one. Memory holds the header and a few pieces.
async::Task<Result<PackedBundle>> pack_bundle(async::WorkerPool& workers, std::filesystem::path file,
                                              const Bundle& bundle, const Objects& objects,
                                              const daemon::Endpoint& endpoint);

} // namespace cachefill::shard
