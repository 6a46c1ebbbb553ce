#pragma once

#include "async/bounded_queue.hpp"
#include "async/task_group.hpp"
#include "cache/binary_cache.hpp"
#include "http/client.hpp"

namespace cachefill::cache {

// A file that goes up while it is still being made: one PUT, sent in chunks. Whatever ends it early, its last chunk is
// not sent then, so that the server knows it for cut off.
//
// Once written to, it may be destroyed only after finish() or abort() has returned.
class PutStream {
  public:
    // `request` is the PUT without its body. The client outlives this.
    PutStream(async::Executor executor, http::Client& client, http::Request request);

    // Returns when it may take another: one may wait while one is being sent. False: it has ended; finish() says how.
    async::Task<bool> write(Chunk chunk);
    // That was all. What the server says of the whole; a Failure if it did not get that far.
    async::Task<Result<http::Response>> finish();
    async::Task<void> abort();

    std::uint64_t size() const { return size_; } // of what was written

  private:
    class Source;
    async::Task<void> send();

    http::Client& client_;
    http::Request request_;
    async::BoundedQueue<Chunk> queue_;
    async::TaskGroup group_;
    std::uint64_t size_ = 0;
    bool is_begun_ = false;
    bool has_all_ = false;
    std::optional<Result<http::Response>> answer_;
};

} // namespace cachefill::cache
