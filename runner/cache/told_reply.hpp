#pragma once

#include "http/client.hpp"
#include "nix/store_path.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cachefill::cache {

// What the APIs of managed caches answer, on its way into this program.

// The server said `what`, where something else was to be expected: the start of it is repeated, without logins.
Failure nonsense_answer(const http::Response& response, std::string_view what, std::string hint);

// A JSON object, or such a failure.
Result<nlohmann::json> read_object(const http::Response& response, std::string hint);

// Paths that a server is asked about by their hash parts.
class HashedPaths {
  public:
    explicit HashedPaths(std::vector<nix::StorePath> paths);
    // Each once, in their order.
    const std::vector<std::string>& hashes() const { return hashes_; }
    // Those that the answer names; a protocol failure if it names one that was not asked about, or one twice. `whose`
    // is the cache, for people.
    Result<std::vector<nix::StorePath>> named_in(const std::vector<std::string>& answer, const std::string& whose) &&;

  private:
    std::vector<std::string> hashes_;
    std::unordered_map<std::string, nix::StorePath> by_hash_;
};

// An address that a server tells and that ends up in nix.conf: a plain one and nothing else, without trailing '/'.
std::optional<std::string> plain_address(std::string text);

} // namespace cachefill::cache
