#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "github/repository.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::http {
class Client;
enum class Method;
struct Request;
struct Response;
} // namespace cachefill::http

namespace cachefill::github {

struct RestSettings {
    std::string api_url = "https://api.github.com"; // without trailing '/'
    std::optional<Token> token;
    // How long one call may wait for the network, a server in trouble, or a rate limit that ends that soon.
    std::chrono::milliseconds patience{30'000};
};

// What GitHub last said of the budget of requests; 0 of limit: nothing yet.
struct RateLimit {
    std::uint64_t limit = 0;
    std::uint64_t remaining = 0;
    std::chrono::system_clock::time_point reset{};
};

// GitHub's REST API. One request at a time, as GitHub asks; answers are kept with their ETag, and asked for again they
// cost nothing (with a token: also of the rate limit). What went wrong is a Failure with GitHub's own words and what to
// do: kind auth (401, 403), not_found (404: with a hint that private repositories look absent without a token), network
// (rate limits, with retry_after() set; servers in trouble), protocol.
class RestClient {
  public:
    RestClient(http::Client& client, RestSettings settings);

    // `path` is below the API's URL ("/repos/o/r"), or a whole URL of the same host. Empty: 404 or 410.
    async::Task<Result<std::optional<nlohmann::json>>> find(std::string path);
    // All pages of a list, following Link headers, at most `most` items. `key` names the array in the answer's object;
    // empty: the answer is the array.
    async::Task<Result<std::vector<nlohmann::json>>> get_pages(std::string path, std::string key,
                                                               std::size_t most = 1000);
    // Sends it once; again only when GitHub refused it for a rate limit. An answer without a body is null.
    async::Task<Result<nlohmann::json>> post(std::string path, nlohmann::json body);
    // The same as often as it takes: sent twice it does what it does once.
    async::Task<Result<nlohmann::json>> patch(std::string path, nlohmann::json body);

    bool has_token() const { return settings_.token.has_value(); }
    const std::string& api_url() const { return settings_.api_url; }
    const RateLimit& rate_limit() const { return rate_limit_; }
    // How far apart to look at one thing again: within what the hourly budget allows for `calls` requests per look.
    std::chrono::seconds polling_interval(std::size_t calls) const;

  private:
    struct Kept {
        std::string etag;
        std::string body;
        std::string link;
    };
    struct Answer {
        std::string body;
        std::string link;
    };

    http::Request request(http::Method method, const std::string& path) const;
    async::Task<Result<std::optional<Answer>>> get_text(std::string path);
    async::Task<Result<http::Response>> send(http::Request request, bool may_repeat);
    async::Task<Result<nlohmann::json>> send_body(http::Method method, std::string path, nlohmann::json body);
    Failure explain(const http::Request& request, const http::Response& response) const;
    void note_limits(const http::Response& response);
    void keep(const std::string& url, Kept kept);

    http::Client& client_;
    std::string how_to_get_a_token_ = "set GH_TOKEN to a token that may read this repository"; // where there is none
    RestSettings settings_;
    std::mt19937_64 random_;
    RateLimit rate_limit_;
    std::map<std::string, Kept> kept_;
    std::list<std::string> kept_order_; // oldest first
};

// The URL with rel="next" of a Link header; empty if there is none.
std::string next_page(std::string_view link);

} // namespace cachefill::github
