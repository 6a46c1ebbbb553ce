#pragma once

#include "cache/http_reader.hpp"
#include "cache/http_writer.hpp"
#include "cache/make_cache.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/spool.hpp"

namespace cachefill::cache {

// One NAR on its way to a plain cache.
//
// What comes in one piece, or can be had only once, is held until it is whole, and goes up with its length under the
// name of its own hash: that name stands for these bytes alone, whoever writes it.
//
// Larger ones are sent while they come (FileStream). Their name has to be known before their hash is: it is the NAR's
// hash and a number that only this upload has. The way of compressing in its place would not do. Two pushers, or one
// that tries again, would then write one file, and
// - other versions of a compressor make other bytes of the same settings, also where the version is the same and only
//   the machine is another one, so that a narinfo would come to state what the other one's file was;
// - a pusher that is cut off leaves a half in the place of what another one has published (servers are known that keep
//   it), and one that reads meanwhile may get both mixed.
// With a name of one's own nobody else ever writes the file that our narinfo will name, and nobody reads it before.
// What it costs: what was sent and never published stays behind, and two paths of one content are kept twice.
//
// An answer counts only after a look that finds as many bytes as were sent. Whatever else becomes of a stream, also
// where the answer was lost, the NAR goes up anew from its first byte, the first way (is_wanted_whole()).
class HttpUpload final : public Upload {
  public:
    // All but the request outlive it.
    HttpUpload(HttpWriter& writer, HttpReader& reader, const std::optional<nix::SecretKey>& key,
               const CacheContext& context, UploadRequest request);

    async::Task<Result<void>> write(Chunk chunk) override;
    async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override;
    async::Task<Result<PublishOutcome>> publish(nix::NarInfo info) override;
    // A NAR that already went up may be another path's as well, so it stays.
    async::Task<void> abort() override;
    bool is_wanted_whole() const override { return is_wanted_whole_; }
    std::string nar_url() const override { return nar_.url; }

  private:
    async::Task<Result<void>> write_on(Chunk chunk);
    async::Task<Result<void>> end_stream();
    async::Task<Result<void>> check_streamed();
    Failure not_streamed(Failure failure);
    async::Task<Result<void>> look_for_narinfo();
    async::Task<Result<void>> send_whole();
    async::Task<Result<PublishOutcome>> mend(nix::NarInfo info);
    http::Request put_nar(const std::string& name, std::uint64_t size) const;

    HttpWriter& writer_;
    HttpReader& reader_;
    const std::optional<nix::SecretKey>& key_;
    const CacheContext& context_;
    UploadRequest request_;
    Chunk first_; // as long as it may be the only one
    std::unique_ptr<FileStream> stream_;
    std::string stream_name_;
    Spool spool_;
    StoredNar nar_;
    bool is_wanted_whole_ = false;
    bool is_there_already_ = false;
    std::optional<async::Clock::TimePoint> looked_; // for the narinfo, in vain
};

} // namespace cachefill::cache
