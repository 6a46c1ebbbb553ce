#pragma once

#include "async/retry_policy.hpp"
#include "cache/cache_uri.hpp"
#include "cache/niks3_token.hpp"
#include "nix/narinfo.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::cache {

// What a server of niks3 says about its cache to everybody.
struct Niks3Config {
    std::string substituter_url; // where consumers read, without trailing '/'; empty: it does not tell
    std::vector<nix::PublicKey> public_keys;
    std::string oidc_audience; // for tokens of GitHub; empty: it takes none
};

// A file of the cache, as its garbage collection knows it.
struct Niks3Object {
    std::string key;
    std::string type; // "narinfo" or "nar"
    std::vector<std::string> refs;
    std::optional<std::uint64_t> nar_size;
};

// Where a file may be put for the next five hours: at one address, or in parts.
struct Niks3Slot {
    std::string url;
    std::string upload_id;
    std::vector<std::string> part_urls; // of the first ones
    bool is_in_parts() const { return !upload_id.empty(); }
};

// Files that are on their way. Nobody can take it back: what is not completed the server's clean-up removes, after six
// hours or later.
struct Niks3Pending {
    std::string id;
    std::map<std::string, Niks3Slot> slots; // by key: what the server lacks; all else it has
};

// The calls of niks3's API for one cache; JSON stays in here (Mic92/niks3, server/). What can heal is sent again, but
// by `try_` calls.
class Niks3Api {
  public:
    Niks3Api(async::Executor executor, http::Client& client, async::RetryPolicy policy, const async::Clock& clock,
             const CacheUri& uri, Niks3Login login);

    async::Task<Result<Niks3Config>> get_config();
    // Does the server take our token? An auth failure says why not.
    async::Task<Result<void>> check_token();

    // The server looks into its bucket for what it believes it has (verify_s3).
    async::Task<Result<Niks3Pending>> create(std::string closure_key, std::vector<Niks3Object> objects);
    async::Task<Result<std::vector<std::string>>> sign(std::string id, std::string key, nix::NarInfo info);
    // not_found: it is done, or the clean-up has been there.
    async::Task<Result<void>> complete(std::string id);
    // Addresses for parts from number `first` on.
    async::Task<Result<std::vector<std::string>>> get_part_urls(std::string key, std::string upload_id, int first,
                                                                int count);
    // not_found: the upload is not known (any more).
    async::Task<Result<void>> complete_parts(std::string key, std::string upload_id, std::vector<std::string> etags);
    // In the bucket itself, whatever the server believes.
    async::Task<Result<bool>> has_object(std::string key);

    // The PUT to an address that the server gave, which carries no login of ours; the answer's ETag, without quotes. A
    // refusal (403) is an auth failure that names the object storage.
    async::Task<Result<std::string>> try_put(http::Request request);
    http::Request put(std::string url, std::string_view content_type, std::uint64_t size) const;

    // In the letters that the server takes for the name of a pin.
    static std::string pin_name(const std::string& name);
    // not_found: the path is no closure of its own there.
    async::Task<Result<void>> pin(std::string name, nix::StorePath path);
    // What is pinned under that name; empty if nothing is.
    async::Task<Result<std::optional<nix::StorePath>>> find_pin(std::string name);

    http::Client& client() { return client_; }
    const async::RetryPolicy& retry() const { return policy_; }
    const CacheUri& uri() const { return uri_; }
    const Niks3Login& login() const { return token_.login(); }

  private:
    http::Request request(http::Method method, const std::string& below) const;
    http::Request post_json(const std::string& below, std::string body) const;
    Failure refusal(const http::Request& request, const http::Response& response) const;
    Failure refused_token(const http::Response& response, const std::string& said) const;
    async::Task<Result<http::Response>> send(http::Request request);
    async::Task<Result<http::Response>> send_with_token(http::Request request);

    http::Client& client_;
    async::RetryPolicy policy_;
    CacheUri uri_;
    Niks3Token token_;
};

} // namespace cachefill::cache
