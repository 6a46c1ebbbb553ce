#pragma once

#include "async/retry_policy.hpp"
#include "http/client.hpp"
#include "support/run_task.hpp"

#include <string>
#include <utility>

namespace cachefill::fuzz {

// A server that gives one answer whatever it is asked, and after some dozen questions nothing any more.
class CannedClient final : public http::Client {
  public:
    explicit CannedClient(http::Response answer) : answer_(std::move(answer)) {}

    async::Task<Result<http::Response>> send(http::Request request) override {
        constexpr int patience = 24;
        http::Response response = answer_;
        if (++asked_ > patience) response.status = 404;
        response.effective_url = request.url;
        co_return response;
    }

  private:
    http::Response answer_;
    int asked_ = 0;
};

// Tried once, so that nothing waits.
inline async::RetryPolicy once() {
    async::RetryPolicy policy;
    policy.budget = std::chrono::milliseconds(0);
    policy.attempts = 1;
    return policy;
}

// The first byte of an input chooses the status, the rest is the body.
inline http::Response canned_answer(std::string_view input) {
    constexpr int statuses[]{200, 200, 200, 201, 204, 301, 304, 400, 401, 403, 404, 405, 409, 412, 413, 429, 500, 503};
    http::Response response;
    response.status = statuses[static_cast<unsigned char>(input.front()) % std::size(statuses)];
    response.body = input.substr(1);
    return response;
}

} // namespace cachefill::fuzz
