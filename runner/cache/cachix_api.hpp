#pragma once

#include "async/retry_policy.hpp"
#include "cache/binary_cache.hpp"
#include "cache/credentials.hpp"
#include "http/client.hpp"

namespace cachefill::cache {

// What Cachix says about a cache (cachix-api, Types/BinaryCache.hs).
struct CachixCacheInfo {
    std::string uri; // where consumers read, without trailing '/'
    bool is_public = true;
    std::vector<nix::PublicKey> public_keys;
    Permission permission = Permission::none;
    codec::Compression preferred_compression = codec::Compression::zstd;
};

struct CachixMultipart {
    std::string nar_id;
    std::string upload_id;
};

// The ETag exactly as the header had it, quotes included.
struct CachixPart {
    int number = 0;
    std::string etag;
};

// narInfoCreate: what `complete` makes the narinfo of.
struct CachixNarInfo {
    nix::NarInfo info;
    codec::Hash file_hash;
    std::uint64_t file_size = 0;
    std::optional<std::string> signature; // the 64 raw bytes
};

// The calls of Cachix' API for one cache; JSON stays in here (cachix-api, Cachix/API.hs). `try_` calls send once, the
// others retry what can heal.
class CachixApi {
  public:
    CachixApi(http::Client& client, async::RetryPolicy policy, std::string_view api, const CacheUri& uri,
              const Credentials& credentials);

    async::Task<Result<CachixCacheInfo>> get_info();
    // Of these hash parts the missing ones. Splits into requests of at most `hashes_per_request`.
    async::Task<Result<std::vector<std::string>>> query_missing(std::vector<std::string> hashes);
    // Does the API know a narinfo of that hash?
    async::Task<Result<bool>> has_narinfo(std::string hash);

    async::Task<Result<CachixMultipart>> create_multipart(codec::Compression compression);
    async::Task<Result<std::string>> try_get_part_url(CachixMultipart upload, int number, std::string md5);
    // The presigned PUT; the answer's ETag. 403 (expired, refused) is a Failure of kind auth with that status.
    async::Task<Result<std::string>> try_put_part(std::string url, std::string md5,
                                                  std::shared_ptr<const std::string> bytes);
    async::Task<Result<void>> try_complete(CachixMultipart upload, std::vector<CachixPart> parts,
                                           CachixNarInfo narinfo);
    // One try with a short deadline.
    async::Task<Result<void>> try_abort(CachixMultipart upload);

    async::Task<Result<void>> pin(std::string name, nix::StorePath path, int keep);
    // What the name's latest revision is; empty if nothing is pinned under it.
    async::Task<Result<std::optional<nix::StorePath>>> find_pin(std::string name);

    const std::string& cache_name() const { return name_; }
    // "the token in CACHIX_AUTH_TOKEN": by where it was found.
    std::string the_token() const;
    // Of the token: there is none, it may only read.
    Failure no_token() const;
    Failure only_reads() const;

    // Bodies of 300 KiB; servers behind proxies have answered larger questions with 502.
    static constexpr std::size_t hashes_per_request = 8000;

  private:
    http::Request request(http::Method method, std::string_view below) const;
    http::Request post_json(std::string_view below, std::string body) const;
    Failure explain(Failure failure) const;
    async::Task<Result<http::Response>> send(http::Request request);
    async::Task<Result<http::Response>> try_send(http::Request request);

    http::Client& client_;
    async::RetryPolicy policy_;
    std::string base_;
    std::string name_;
    std::optional<Secret> token_;
    std::string source_, variable_;        // where the token is from; what would hold one of this cache alone
    std::vector<std::string> passed_over_; // see Credentials
};

} // namespace cachefill::cache
