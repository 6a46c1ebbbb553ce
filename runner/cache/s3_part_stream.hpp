#pragma once

#include "async/task_group.hpp"
#include "cache/file_stream.hpp"
#include "cache/s3_multipart.hpp"

namespace cachefill::cache {

// A file that goes up to S3 while it is still being made, each piece a part of it. All pieces but the last have to be
// of one size (some servers want that), and not below S3Multipart::least_part.
//
// Pieces are kept, with the memory that they count for, until the server has them, so that one that is lost is sent
// again by itself. The file is there when all are; whatever ends it before is told to the server, and leaves nothing.
class S3PartStream final : public FileStream {
  public:
    // `put`: the file's, without a body. `multipart` outlives this.
    S3PartStream(async::Executor executor, S3Multipart& multipart, http::Request put)
        : multipart_(multipart), put_(std::move(put)), group_(executor) {}

    async::Task<bool> write(Chunk chunk) override;
    async::Task<Result<http::Response>> finish() override;
    async::Task<void> abort() override;
    std::uint64_t size() const override { return size_; }

    static constexpr std::size_t parts_in_flight = 3;

  private:
    async::Task<void> send_part(std::size_t index, Chunk chunk);
    async::Task<void> clear_away();

    S3Multipart& multipart_;
    http::Request put_;
    async::TaskGroup group_;
    std::optional<S3Multipart::Started> upload_; // begun, and not a file yet
    std::vector<std::string> etags_;             // as the server gave them
    std::uint64_t size_ = 0;
    std::optional<Failure> failure_; // the first
};

} // namespace cachefill::cache
