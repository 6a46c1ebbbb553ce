#pragma once

#include "base/files.hpp"
#include "http/client.hpp"
#include "support/http_server.hpp"
#include "support/run_task.hpp"

#include <functional>
#include <memory>

namespace cachefill::test {

using namespace std::chrono_literals;

// Runs `body` with one client on a loop of its own.
inline void with_client(http::ClientSettings settings, std::function<async::Task<void>(http::Client&)> body) {
    auto run = [&](async::Executor executor) -> async::Task<void> {
        auto client = http::make_client(executor, std::move(settings));
        co_await body(*client);
    };
    run_task<void>(run);
}

inline Result<http::Response> send_one(http::Request request, http::ClientSettings settings = {}) {
    std::optional<Result<http::Response>> response;
    auto body = [&](http::Client& client) -> async::Task<void> {
        response.emplace(co_await client.send(std::move(request)));
    };
    with_client(std::move(settings), body);
    return std::move(*response);
}

inline http::Request get(const HttpServer& server, const std::string& target = "/") {
    return http::Request(http::Method::get, server.url() + target);
}

inline http::Request put(const HttpServer& server, std::string body, const std::string& target = "/") {
    http::Request request(http::Method::put, server.url() + target);
    request.body = std::make_shared<const std::string>(std::move(body));
    return request;
}

// Settings that trust `tls`; the file lives in `directory`.
inline http::ClientSettings trusting(const TestCertificate& tls, const TemporaryDirectory& directory) {
    auto file = directory.path() / "authority.pem";
    if (!write_file_atomically(file, tls.authority)) throw std::runtime_error("cannot write " + file.string());
    http::ClientSettings settings;
    settings.environment.set("NIX_SSL_CERT_FILE", file.string());
    return settings;
}

inline TemporaryDirectory temporary_directory() {
    auto made = TemporaryDirectory::make("cachefill-http-test-");
    if (!made) throw std::runtime_error(made.error().one_line());
    return std::move(made).value();
}

inline std::string text_of(const Result<http::Response>& result) {
    return result ? "status " + std::to_string(result->status) : result.error().one_line();
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

} // namespace cachefill::test
