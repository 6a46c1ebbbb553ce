#pragma once

#include "async/retry_policy.hpp"
#include "cache/attic_login.hpp"
#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "http/client.hpp"

namespace cachefill::cache {

// What a server of attic says about a cache.
struct AtticCacheInfo {
    std::string substituter_url; // where consumers read, without trailing '/'
    nix::PublicKey public_key;
    bool is_public = true;
    int priority = 0;
    std::string store_dir;
    std::vector<std::string> upstream_key_names;
    std::string retention; // "30 days", for people; empty: the server's own, which it does not tell
};

enum class AtticKept {
    uploaded,
    deduplicated, // the server had a NAR of the same content
};

// The calls of attic's API for one cache; JSON stays in here (zhaofengli/attic, server/src/api/v1).
class AtticApi {
  public:
    // `logins`: by whose word it is asked.
    AtticApi(http::Client& client, async::RetryPolicy policy, const CacheUri& uri, AtticLogin login,
             http::Logins logins = http::Logins::all);

    // Also learns where the API is to be asked from then on.
    async::Task<Result<AtticCacheInfo>> get_info();
    // Of these hash parts the missing ones. Splits into requests of at most `hashes_per_request`. The server answers
    // only who may push: with no hashes at all it is the question whether we may.
    async::Task<Result<std::vector<std::string>>> query_missing(std::vector<std::string> hashes);

    // The request that brings a NAR of `info`, without its body. With a `preamble` that is what the body begins with,
    // else a header says it all.
    http::Request put_path(const nix::NarInfo& info, const std::string& description, bool has_preamble) const;
    // What is said of the path before its NAR.
    std::string describe(const nix::NarInfo& info) const;
    // What came of it.
    Result<AtticKept> read_kept(const http::Response& response, const nix::NarInfo& info) const;
    // Sends a body that can be sent again.
    async::Task<Result<AtticKept>> send_path(http::Request request, nix::NarInfo info);

    http::Client& client() { return client_; }
    const CacheUri& uri() const { return uri_; }
    const AtticLogin& login() const { return login_; }
    bool has_token() const { return login_.token.has_value(); }
    // Where the API is, to show.
    const std::string& endpoint() const { return endpoint_; }
    // What is asked for by this address gets the login: in the URL where that must go over plain http.
    std::string with_login(const std::string& url) const;

    // SQLite takes 32 766 of them in one question, and the server 2 MB.
    static constexpr std::size_t hashes_per_request = 30'000;
    // Longer ones do not fit into a header, and those that are longer than this the server does not read.
    static constexpr std::size_t longest_header = 4096 - 1;
    static constexpr std::size_t longest_preamble = 1 << 20;

  private:
    http::Request request(http::Method method, const std::string& below) const;
    // `what` was sent, where it is its size that was refused.
    Failure refusal(const http::Request& request, const http::Response& response, const std::string& what) const;
    Failure refused_login(const http::Response& response, const std::string& said) const;
    async::Task<Result<http::Response>> send(http::Request request);
    void move_to(const std::string& endpoint);

    http::Client& client_;
    async::RetryPolicy policy_;
    CacheUri uri_;
    AtticLogin login_;
    http::Logins logins_;
    std::string endpoint_;
};

} // namespace cachefill::cache
