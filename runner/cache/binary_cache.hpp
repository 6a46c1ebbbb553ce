#pragma once

#include "async/limiter.hpp"
#include "async/task.hpp"
#include "base/result.hpp"
#include "cache/cache_info.hpp"
#include "nix/narinfo.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::nix {
struct Realisation;
}

namespace cachefill::cache {

struct CacheUri;
struct FrontMemory;
struct NarLook;
enum class NarRemark;
using NarRemarks = std::vector<NarRemark>;

// What Nix is given as a substituter: with password and parameters. It goes to Nix only, never into text for people.
Secret substituter_of(const CacheUri& uri, const CacheInfo& info);

// A piece of a compressed NAR, with the memory budget it occupies: freed when the piece has gone out.
struct Chunk {
    Chunk() = default;
    Chunk(std::string b, async::Limiter::Permit p) : bytes(std::move(b)), budget(std::move(p)) {}
    std::string bytes;
    async::Limiter::Permit budget;
};

struct UploadRequest {
    UploadRequest(nix::StorePath p, std::uint64_t size, codec::Compression c)
        : path(std::move(p)), nar_size(size), compression(c) {}
    nix::StorePath path;
    std::uint64_t nar_size;
    codec::Compression compression;
    // The cache's own narinfo of this path, whose archive cannot be had. The upload then puts an archive where this
    // says, and publish() corrects the narinfo in what it says of the file, and in nothing else, if that must be. Its
    // NAR hash is that of the NAR that comes.
    std::optional<nix::NarInfo> mends;
    // The NAR's hash, from whoever can bring the same pieces a second time: they may go up as they come.
    std::optional<codec::Hash> streamed_nar;
    // What publish() will be told, but for the file: for a cache that takes it in one request with the NAR.
    std::optional<nix::NarInfo> described;
};

enum class PublishOutcome {
    published,
    already_there,
    deduplicated, // published, and the cache had a NAR of that content before
};

// One compressed NAR on its way up. Calls in this order: write()*, finish(), publish(). Nothing is visible to consumers
// before publish(). Leaving it unpublished leaves at most an unreferenced file behind; abort() cleans up if it can.
// Once written to, it may be destroyed only after finish(), publish() or abort() has returned: until then pieces may be
// on their way.
class Upload {
  public:
    virtual ~Upload() = default;
    // Takes the piece; returns when it may take another (sending goes on beside the caller, bounded). A failure of an
    // earlier piece is reported here or by finish().
    virtual async::Task<Result<void>> write(Chunk chunk) = 0;
    // No more pieces; returns when every byte has arrived. `file_hash` (sha256) and `file_size` are of the compressed
    // NAR.
    virtual async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) = 0;
    // Makes it visible. The caller has made sure that every reference is served. Fields url, compression, file hash and
    // signatures of `info` are filled in by the cache. What an existing narinfo says of the path is never replaced:
    // already_there. A lost reply is resolved by looking whether the narinfo is served.
    virtual async::Task<Result<PublishOutcome>> publish(nix::NarInfo info) = 0;
    // Best effort, short, never throws for network trouble; must be called with cancellation switched off or unset.
    virtual async::Task<void> abort() = 0;
    // After a failure of write() or finish(): the cache does not take it as it came. With an upload of its own, without
    // `streamed_nar`, it may. This one is over.
    virtual bool is_wanted_whole() const { return false; }
    // Where the NAR was put, for the later HEAD; empty if the cache does not tell.
    virtual std::string nar_url() const = 0;
};

// One binary cache, to ask and (if permitted) to fill. Every call retries what can heal, within the policy given to the
// factory; what comes back failed has been tried enough.
class BinaryCache {
  public:
    virtual ~BinaryCache() = default;

    // First call: reaches the cache, learns what it is and what our credentials allow. auth: token refused; not_found:
    // no such cache; network/timeout: out of reach; usage: signing key does not fit the cache's public keys.
    virtual async::Task<Result<CacheInfo>> open() = 0;
    virtual const CacheUri& uri() const = 0;

    // Of these hash parts' paths, those the cache lacks ("claimed" are the others; no signature is seen). Only if
    // CacheInfo::has_bulk_query. Splits by itself into as many as a request may ask about.
    virtual async::Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths) = 0;

    // Absent: 404, 410 (403 as well for plain caches that hide what is not there). A narinfo for another path, or one
    // that does not parse, is a protocol failure that names cache and path.
    virtual async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) = 0;

    // Can the archive be had? Found out without downloading it. Fails only when the cache cannot be asked.
    virtual async::Task<Result<NarLook>> look_at_nar(nix::NarInfo info) = 0;
    // Downloads the archive and compares it with the narinfo. What keeps Nix from using it is a protocol failure.
    virtual async::Task<Result<NarRemarks>> check_nar(nix::NarInfo info) = 0;

    virtual async::Task<Result<std::unique_ptr<Upload>>> begin_upload(UploadRequest request) = 0;
    // NAR and narinfo are one request, which ends with publish(): an upload begins when it may be published, since
    // nothing is gained, and much held, by one that waits.
    virtual bool publishes_by_upload() const { return false; }
    // Each piece costs a request, or more: they should be large.
    virtual bool sends_piece_by_piece() const { return false; }

    // `keep` revisions of the name are kept. Only if CacheInfo::has_pins.
    virtual async::Task<Result<void>> pin(std::string name, nix::StorePath path, int keep) = 0;

    // A whole NAR in memory, downloaded and checked as by check_nar: for small ones.
    virtual async::Task<Result<std::string>> read_nar(nix::NarInfo info) = 0;

    // Names that lead to the latest of something: pins where the cache has them (`keep` revisions are kept), elsewhere
    // small files beside the narinfos that hold a store path. `name` is made of words that may be file names, joined by
    // '/'.
    virtual async::Task<Result<void>> set_name(std::string name, nix::StorePath path, int keep) = 0;
    virtual async::Task<Result<std::optional<nix::StorePath>>> find_name(std::string name) = 0;

    // Where an output of a content-addressed derivation went: `realisations/ID.doi`. Absent in a cache that keeps none.
    virtual async::Task<Result<std::optional<nix::Realisation>>> get_realisation(std::string id);
    // Signed with our key, if there is one. Replaces what was told before. Only if CacheInfo::keeps_realisations.
    virtual async::Task<Result<void>> put_realisation(nix::Realisation realisation);
    // What has been learnt of a proxy before the cache that goes on answering what is no longer true.
    virtual std::optional<FrontMemory> front_memory() const;
};

} // namespace cachefill::cache
