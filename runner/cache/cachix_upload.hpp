#pragma once

#include "async/task_group.hpp"
#include "cache/cachix_api.hpp"
#include "cache/make_cache.hpp"

#include <random>

namespace cachefill::cache {

// One NAR on its way to Cachix as an S3 multipart upload: created with the first piece, each piece a part, up to
// `parts_in_flight` of them at once. Any failure aborts it at the server.
class CachixUpload final : public Upload {
  public:
    static constexpr std::size_t parts_in_flight = 4;

    // All but the request outlive the upload. Without `key` Cachix signs.
    CachixUpload(CachixApi& api, const CacheContext& context, const std::optional<nix::SecretKey>& key,
                 UploadRequest request);

    async::Task<Result<void>> write(Chunk chunk) override;
    async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override;
    async::Task<Result<PublishOutcome>> publish(nix::NarInfo info) override;
    async::Task<void> abort() override;
    std::string nar_url() const override { return {}; } // told by the narinfo only

  private:
    async::Task<Result<void>> write_part(Chunk chunk);
    async::Task<void> send_part(std::size_t index, Chunk chunk);
    async::Task<Result<std::string>> put_part(int number, std::string md5, std::shared_ptr<const std::string> bytes);
    async::Task<void> look_for_narinfo();
    async::Task<Result<PublishOutcome>> complete(CachixNarInfo narinfo);
    void fail(Failure failure);

    CachixApi& api_;
    const CacheContext& context_;
    const std::optional<nix::SecretKey>& key_;
    UploadRequest request_;
    std::mt19937_64 random_;
    async::TaskGroup group_;
    std::optional<CachixMultipart> upload_;
    std::vector<CachixPart> parts_;
    std::optional<Failure> failure_; // of the first part that failed
    std::uint64_t bytes_ = 0;
    codec::Hash file_hash_;
    std::uint64_t file_size_ = 0;
    bool is_there_already_ = false;
};

} // namespace cachefill::cache
