#pragma once

#include "async/limiter.hpp"
#include "cache/file_stream.hpp"
#include "cache/s3_multipart.hpp"

#include <string>
#include <vector>

namespace cachefill::cache {

// Passes requests on, but sends large files in parts: a part that is lost is sent again by itself, and one request of
// S3 takes no more than 5 GiB. The parts become the file when all are there; what came to nothing is cleared away.
class S3Parts final : public http::Client {
  public:
    struct Settings {
        std::string base;            // of the bucket, without trailing '/'
        async::RetryPolicy retry;    // for each part
        std::filesystem::path notes; // where it is noted what has begun; empty: nowhere
        std::uint64_t larger_than = 64 << 20;
        std::uint64_t part_size = S3Multipart::least_part; // at least
    };

    // Client (which signs) and workers outlive it.
    S3Parts(async::Executor executor, http::Client& client, async::WorkerPool& workers, Settings settings)
        : executor_(executor), client_(client), workers_(workers), settings_(std::move(settings)),
          multipart_(client, workers, settings_.retry, settings_.notes), parts_at_once_(executor, parts_in_flight) {}

    async::Task<Result<http::Response>> send(http::Request request) override;
    // For files that are still being made.
    std::unique_ptr<FileStream> begin_stream(http::Request put);

    // Clears away what was cut off in its middle: by a failure that is done already, by cancellation whoever cancelled
    // asks for it.
    async::Task<void> abort_cut_off();
    // The same of runs that were killed on this machine, and of whatever is a day old; how many. A server that lets us
    // see none has none of the latter.
    async::Task<std::size_t> abort_left();

    static constexpr std::size_t parts_in_flight = 3; // of all such files together, each in memory

  private:
    using Started = S3Multipart::Started;
    struct Sending;
    class CutOff;
    async::Task<Result<http::Response>> send_in_parts(const http::Request& request, std::uint64_t size);
    async::Task<void> send_parts(Sending& sending);
    async::Task<Result<std::string>> send_part(Sending& sending, std::size_t index);
    async::Task<std::size_t> abort_noted();
    // Of those whose names begin so; `of_all`, or only what nobody can be sending any longer.
    async::Task<std::size_t> abort_listed(std::string start, bool of_all);

    async::Executor executor_;
    http::Client& client_;
    async::WorkerPool& workers_;
    Settings settings_;
    S3Multipart multipart_;
    async::Limiter parts_at_once_;
    std::vector<Started> cut_off_;
};

} // namespace cachefill::cache
