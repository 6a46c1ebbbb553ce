#pragma once

#include "cache/binary_cache.hpp"

#include <functional>
#include <random>

namespace cachefill::cache {

// The reading half of every cache that is served over HTTP.
class HttpReader {
  public:
    struct Settings {
        std::string name; // for messages
        std::string base; // URL without trailing '/'
        std::optional<Secret> bearer;
        bool forbidden_is_absent = false; // 403 for what is not there, as object stores without list permission answer
    };

    HttpReader(http::Client& client, async::RetryPolicy policy, Settings settings)
        : client_(client), policy_(policy), settings_(std::move(settings)), random_(std::random_device{}()) {}

    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path);
    async::Task<Result<bool>> has_nar(nix::NarInfo info);
    // `kept`, if given, receives the unpacked NAR.
    async::Task<Result<void>> check_nar(nix::NarInfo info, std::string* kept = nullptr);
    async::Task<Result<std::string>> read_nar(nix::NarInfo info);
    // Any file below the cache's root; empty when it is not there.
    async::Task<Result<std::optional<std::string>>> get_text(std::string name);

  private:
    http::Request request(http::Method method, const std::string& url) const;
    bool is_absent(const http::Response& response) const;
    std::function<bool(const http::Response&)> present_or_absent() const;

    http::Client& client_;
    async::RetryPolicy policy_;
    Settings settings_;
    std::mt19937_64 random_;
};

} // namespace cachefill::cache
