#pragma once

#include "cache/binary_cache.hpp"
#include "http/client.hpp"

#include <functional>

namespace cachefill::cache {

// A file that goes up while it is still being made. Whatever ends it early, nothing is there that could be taken for
// the whole of it, as far as the server can be made to see to that.
//
// Once written to, it may be destroyed only after finish() or abort() has returned.
class FileStream {
  public:
    virtual ~FileStream() = default;
    // Returns when it may take another. False: it has ended; finish() says how.
    virtual async::Task<bool> write(Chunk chunk) = 0;
    // That was all. What the server says of the whole; a Failure if it did not get that far.
    virtual async::Task<Result<http::Response>> finish() = 0;
    virtual async::Task<void> abort() = 0;
    virtual std::uint64_t size() const = 0; // of what was written
};

// How a cache takes such files.
struct StreamWay {
    std::function<std::unique_ptr<FileStream>(http::Request put)> begin; // `put` has no body; empty: by a PutStream
    std::uint64_t least_nar = 0;                                         // for smaller ones it is not worth it
    std::uint64_t least_piece = 0;                                       // but the last
};

} // namespace cachefill::cache
