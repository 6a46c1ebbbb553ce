#include "async/retry.hpp"

#include "http/client.hpp"

#include <random>

namespace cachefill::http {

namespace {

bool success_or_absent(const Response& response) {
    return response.is_success() || response.status == 404 || response.status == 410;
}

// One for each thread, where what waits is resumed: to make one costs more than to send a small request, above all in a
// virtual machine, where each look at what the processor can do leaves it.
std::mt19937_64& jitter() {
    thread_local std::mt19937_64 random{std::random_device{}()};
    return random;
}

} // namespace

async::Task<Result<Response>> send_with_retry(Client& client, Request request, async::RetryPolicy policy,
                                              std::function<bool(const Response&)> expected) {
    if (!expected) expected = success_or_absent;
    bool delivered = false;
    if (request.sink) {
        auto counted = [&delivered, sink = std::move(request.sink)](std::string_view piece) {
            delivered = true;
            return sink(piece);
        };
        request.sink = std::move(counted);
    }
    // The outer result is what with_retry looks at, the inner one what the caller gets.
    using Try = Result<Result<Response>>;
    auto attempt = [&]() -> async::Task<Try> {
        auto response = co_await client.send(request);
        // What a sink has received cannot be taken back, so the next try would come on top of it.
        if (!response && delivered) co_return Try(Result<Response>(std::move(response)));
        if (!response) co_return Try(std::move(response).error());
        if (expected(*response)) co_return Try(std::move(response));
        auto failure = status_failure(request, *response);
        co_return failure;
    };
    auto result = co_await async::with_retry(policy, jitter(), attempt);
    if (!result) co_return std::move(result).error();
    co_return std::move(*result);
}

} // namespace cachefill::http
