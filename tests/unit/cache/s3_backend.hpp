#pragma once

#include "cache/aws_signature.hpp"
#include "unit/cache/backends.hpp"

namespace cachefill::test {

// A server of S3 with one bucket in memory, path style. It checks every signature and that what came is what was
// signed for, and knows uploads in parts.
class S3Backend {
  public:
    explicit S3Backend(const std::filesystem::path&);
    std::string uri() const { return "s3://nix?endpoint=" + server_.url() + "&region=" + region; }
    cache::Credentials credentials() const;
    std::string cachix_api() const { return {}; }

    // Calls `before` for each request; what it returns, if anything, is answered instead.
    void intercept(std::function<std::optional<HttpReply>(const HttpRequest&)> before);
    // After the request has had its effect.
    void lose_next_reply(const std::string& method, const std::string& path);
    std::map<std::string, std::string> files() const; // by "/HASH.narinfo"
    void put(const std::string& path, std::string content);
    std::size_t open_uploads() const;
    HttpServer& server() { return server_; }

    static HttpReply error(int status, const std::string& code, const std::string& more = {});
    static constexpr const char* region = "eu-test-1";
    // By its clock; what comes with another time than this, give or take a quarter of an hour, is refused.
    void set_clock(std::chrono::seconds offset);

  private:
    struct Parts {
        std::string id, path;
        std::map<int, std::string> parts;
        std::string initiated = "2026-11-29T12:00:00.000Z";
    };
    HttpReply handle(const HttpRequest& request);
    HttpReply answer(const HttpRequest& request, const std::string& path);
    HttpReply answer_parts(const HttpRequest& request, const std::string& path, const std::string& query);
    HttpReply complete(const HttpRequest& request, Parts& upload);
    HttpReply list() const;
    std::optional<HttpReply> refuse(const HttpRequest& request) const;

    mutable std::mutex mutex_; // the handler runs on the server's thread
    std::map<std::string, std::string> files_;
    std::map<std::string, Parts> uploads_;
    int next_upload_ = 0;
    std::function<std::optional<HttpReply>(const HttpRequest&)> before_;
    std::string lost_;
    std::chrono::seconds clock_{0};
    nix::SecretKey key_ = nix::SecretKey::generate("bucket-1");
    HttpServer server_;
};

} // namespace cachefill::test
