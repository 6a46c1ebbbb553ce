#pragma once

#include "async/retry_policy.hpp"
#include "async/worker_pool.hpp"
#include "cache/upload_note.hpp"
#include "http/client.hpp"

#include <random>
#include <string>
#include <vector>

namespace cachefill::cache {

// What S3 is asked for one file that goes up in parts. Each request is tried as often as that can help.
class S3Multipart {
  public:
    // Client (which signs) and workers outlive it. `notes`: where it is noted what has begun; empty: nowhere.
    S3Multipart(http::Client& client, async::WorkerPool& workers, async::RetryPolicy retry, std::filesystem::path notes)
        : client_(client), workers_(workers), retry_(retry), notes_(std::move(notes)), random_(std::random_device{}()) {
    }

    struct Started {
        std::string url; // of the file
        std::string id;
        std::shared_ptr<UploadNote> note; // as long as it may be left behind
    };

    // `put`: what the file would be sent with as a whole.
    async::Task<Result<Started>> start(const http::Request& put);
    // The tag that the server gave it. Of kind network if the upload has been cleared away: a new one may do.
    async::Task<Result<std::string>> put_part(const Started& upload, std::size_t index,
                                              std::shared_ptr<const std::string> bytes);
    // Joins the parts to a file of that size. A lost answer is no failure if the file is there.
    async::Task<Result<void>> complete(const Started& upload, const std::vector<std::string>& etags,
                                       std::uint64_t size);
    // Best effort, and short.
    async::Task<void> abort(Started upload);

    // The least that S3 takes for a part, the last aside, and how many it takes at most.
    static constexpr std::uint64_t least_part = 5 << 20;
    static constexpr std::uint64_t most_parts = 10'000;

  private:
    async::Task<Result<void>> join(const Started& upload, const std::vector<std::string>& etags);
    async::Task<Result<void>> check_size(const Started& upload, std::uint64_t size, Result<void> told);

    http::Client& client_;
    async::WorkerPool& workers_;
    async::RetryPolicy retry_;
    std::filesystem::path notes_;
    std::mt19937_64 random_;
};

} // namespace cachefill::cache
