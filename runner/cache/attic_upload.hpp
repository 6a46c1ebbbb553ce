#pragma once

#include "cache/attic_api.hpp"
#include "cache/make_cache.hpp"
#include "cache/put_stream.hpp"
#include "cache/spool.hpp"

#include <functional>

namespace cachefill::cache {

// One NAR on its way to attic: a single PUT of its description and the NAR as it is. The path is in the cache as soon
// as the server has answered, so the last byte goes out with publish() and not before.
//
// What comes in one piece, or can be had only once, is held until then, and sent again as often as is worth it. Larger
// ones are sent while they come (PutStream): the server cuts them up and compresses them meanwhile. What is cut off
// leaves nothing behind, and what is sent twice does no harm; so after a failure they go up anew, from their first
// byte.
class AtticUpload final : public Upload {
  public:
    // What the uploads of one cache learn from each other.
    struct Learnt {
        bool takes_streams = true; // else something on the way wants to know how long a body is
        // Of a path: that the cache was found to lack it a moment ago.
        std::function<bool(const nix::StorePath&)> is_just_missed;
    };

    // All but the request outlive it.
    AtticUpload(AtticApi& api, Learnt& learnt, const CacheContext& context, UploadRequest request);

    async::Task<Result<void>> write(Chunk chunk) override;
    async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override;
    async::Task<Result<PublishOutcome>> publish(nix::NarInfo info) override;
    async::Task<void> abort() override;
    bool is_wanted_whole() const override { return is_wanted_whole_; }
    std::string nar_url() const override { return {}; } // told by the narinfo only

  private:
    async::Task<Result<void>> hold(Chunk chunk);
    async::Task<Result<void>> write_on(Chunk chunk);
    async::Task<Result<AtticKept>> end_stream();
    async::Task<Result<AtticKept>> send_whole();
    async::Task<Result<void>> look();
    async::Task<bool> is_there();
    bool fits_header() const { return description_.size() <= AtticApi::longest_header; }

    AtticApi& api_;
    Learnt& learnt_;
    UploadRequest request_;
    async::Executor executor_;
    std::string description_;
    Chunk first_; // as long as it may be the only one
    std::optional<PutStream> stream_;
    Spool spool_;
    std::uint64_t nar_bytes_ = 0;
    bool is_wanted_whole_ = false;
    bool is_there_already_ = false;
    bool is_kept_early_ = false; // before its last byte had come
};

} // namespace cachefill::cache
