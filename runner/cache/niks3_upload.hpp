#pragma once

#include "async/task_group.hpp"
#include "cache/make_cache.hpp"
#include "cache/niks3_api.hpp"
#include "cache/spool.hpp"

#include <random>
#include <span>

namespace cachefill::cache {

// One path on its way to niks3: a pending closure of its narinfo and its NAR, both put into the bucket by addresses
// that the server gave.
//
// One closure for each path, and not one for each host at its end, as niks3's own client has it:
// - Its garbage collection keeps what a committed closure reaches, and nothing else for longer than six hours. A path
//   is committed as soon as its narinfo is there, so nothing that the build goes on with depends on a run that may be
//   killed, and none of it is taken away while the host that it is for is not complete yet.
// - Consumers see a path by its narinfo, not by the server's books. Where a closure is as large as a host its narinfos
//   go up at its end, in no order, so that for a while it is not closed; here each follows those that it refers to.
// - Addresses end after five hours, and pending closures after six. A path rarely takes as long; a host may.
// Each path is then a root that ages by itself from when it went up. What keeps a host for longer than the server
// keeps closures is its pin, and that the path of the host reaches all others: the narinfo's object names those of its
// references.
//
// The server believes that a closure is complete when it is told so. So it is told only after each PUT was answered
// with success, and it is made to look into its bucket (verify_s3) whenever it is asked what it lacks. A narinfo whose
// closure was not completed any more (this process was killed just then) is there for consumers and not in the
// server's books: BinaryCache::query_missing asks these, so that the next run puts it up again, and the clean-up does
// not take it from under what refers to it.
//
// A NAR is called by its own hash, whatever its compressed bytes are, so two who send the same one do each other no
// harm; for the same reason nothing is said of the compressed file in the narinfo.
class Niks3Upload final : public Upload {
  public:
    static constexpr std::size_t parts_in_flight = 3;
    // The server hands out one address for a smaller NAR, and for a larger one those of parts.
    static constexpr std::uint64_t in_one_piece = 10 << 20;

    // All but the request outlive it; `keys` are the cache's own.
    Niks3Upload(Niks3Api& api, const CacheContext& context, std::span<const nix::PublicKey> keys,
                UploadRequest request);

    async::Task<Result<void>> write(Chunk chunk) override;
    async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override;
    async::Task<Result<PublishOutcome>> publish(nix::NarInfo info) override;
    // The server has no way to take a pending closure back: what was sent waits for its clean-up.
    async::Task<void> abort() override;
    bool is_wanted_whole() const override { return is_wanted_whole_; }
    std::string nar_url() const override { return nar_key_; }

  private:
    enum class Nar { to_send, sent, there };

    async::Task<Result<void>> begin();
    async::Task<Result<void>> renew();
    std::vector<Niks3Object> objects() const;
    bool lacks(const std::string& key) const { return pending_.slots.contains(key); }

    async::Task<Result<void>> send_whole();
    async::Task<Result<void>> write_part(Chunk chunk);
    async::Task<void> send_part(std::size_t index, Chunk chunk);
    async::Task<Result<std::string>> put_part(std::size_t index, std::string md5,
                                              std::shared_ptr<const std::string> bytes);
    async::Task<Result<std::string>> part_url(std::size_t index, bool is_refused);
    async::Task<Result<void>> complete_parts();
    async::Task<Result<void>> explain_part(Failure failure);

    async::Task<Result<nix::NarInfo>> complete_narinfo(nix::NarInfo info);
    async::Task<Result<void>> put_narinfo(const nix::NarInfo& record);
    async::Task<Result<PublishOutcome>> publish_once(nix::NarInfo info);

    Niks3Api& api_;
    const CacheContext& context_;
    std::span<const nix::PublicKey> keys_;
    UploadRequest request_;
    std::string narinfo_key_, nar_key_;
    std::mt19937_64 random_;
    async::TaskGroup group_;
    Spool spool_;
    Niks3Pending pending_;
    bool is_begun_ = false;
    bool is_there_already_ = false;
    Nar nar_ = Nar::to_send;
    bool is_wanted_whole_ = false;
    std::vector<std::string> etags_; // by part
    std::optional<Failure> failure_; // of the first part that failed
    std::uint64_t bytes_ = 0;
};

} // namespace cachefill::cache
