#pragma once

#include "async/bounded_queue.hpp"
#include "async/task_group.hpp"
#include "cache/file_stream.hpp"

namespace cachefill::cache {

// A file that goes up while it is still being made: one PUT, sent in chunks. Whatever ends it early, its last chunk is
// not sent then, so that the server knows it for cut off.
class PutStream final : public FileStream {
  public:
    // `request` is the PUT without its body. The client outlives this.
    PutStream(async::Executor executor, http::Client& client, http::Request request);

    // One may wait while one is being sent.
    async::Task<bool> write(Chunk chunk) override;
    async::Task<Result<http::Response>> finish() override;
    async::Task<void> abort() override;
    std::uint64_t size() const override { return size_; }

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
