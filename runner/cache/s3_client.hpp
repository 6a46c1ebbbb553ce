#pragma once

#include "async/clock.hpp"
#include "async/worker_pool.hpp"
#include "cache/aws_keys.hpp"
#include "cache/s3_reply.hpp"
#include "http/client.hpp"

namespace cachefill::cache {

// Passes requests on, and signs those for what lies below one bucket; others keep what they have. What S3 says of the
// bucket or the key comes back as a Failure that tells what to do (explain_s3_error), all else as it is. Every body is
// signed with its hash, so that no half of one is kept.
class S3Client final : public http::Client {
  public:
    struct Settings {
        S3Party party; // the key's source is filled in
        std::string base;
        std::string storage_class; // empty: the bucket's own
    };

    // All but the settings outlive it.
    S3Client(http::Client& client, async::WorkerPool& workers, const async::Clock& clock, Settings settings,
             AwsKeys& keys)
        : client_(client), workers_(workers), clock_(clock), settings_(std::move(settings)), keys_(keys) {}

    async::Task<Result<http::Response>> send(http::Request request) override;

    // Said once: by the server's clock ours is wrong, and that one is gone by.
    const std::string& clock_note() const { return clock_note_; }
    // What the last refusal to read said; empty: none has.
    const std::string& refusal() const { return refusal_; }

  private:
    bool is_ours(const http::Request& request) const;
    async::Task<Result<std::string>> hash_body(const http::Request& request);
    bool takes_clock_of(const http::Response& response);
    bool is_worth_another_try(const http::Request& request, const http::Response& response);

    http::Client& client_;
    async::WorkerPool& workers_;
    const async::Clock& clock_;
    Settings settings_;
    AwsKeys& keys_;
    std::chrono::seconds clock_offset_{0};
    std::string clock_note_;
    std::string refusal_;
};

} // namespace cachefill::cache
