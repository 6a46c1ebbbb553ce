#pragma once

#include "cache/s3_client.hpp"
#include "unit/cache/s3_backend.hpp"

#include <limits>

namespace cachefill::test {

// A bucket, and one file, /nar/x.nar, that goes there in parts.
struct S3PartsScene {
    using Reply = std::optional<HttpReply>;
    using Sent = Result<http::Response>;

    // What senders are made with.
    struct Way {
        async::Executor executor;
        http::Client& signing;
        async::WorkerPool& workers;
        async::RetryPolicy retry;
        std::string base; // the bucket's address
    };

    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-s3-parts").value();
    S3Backend backend{temporary.path()};
    std::filesystem::path notes = temporary.path() / "notes";

    std::string url() { return backend.server().url() + "/nix/nar/x.nar"; }
    void with_way(const std::function<async::Task<void>(Way&)>& body) {
        auto run = [&](async::Executor executor) -> async::Task<void> {
            auto client = http::make_client(executor, {});
            async::WorkerPool workers(executor, 2);
            cache::AwsKeys keys(executor, *client, async::real_clock(), backend.credentials().aws);
            cache::S3Client::Settings signer;
            signer.base = backend.server().url() + "/nix";
            signer.party.bucket = "nix";
            signer.party.region = S3Backend::region;
            cache::S3Client signing(*client, workers, async::real_clock(), signer, keys);
            async::RetryPolicy retry{.first_delay = std::chrono::milliseconds(2),
                                     .longest_delay = std::chrono::milliseconds(10),
                                     .longest_server_delay = std::chrono::seconds(1),
                                     .budget = std::chrono::seconds(30),
                                     .attempts = 6};
            Way way{.executor = executor, .signing = signing, .workers = workers, .retry = retry, .base = signer.base};
            co_await body(way);
        };
        run_task<void>(run);
    }

    static bool is_part(const HttpRequest& request, const std::string& number) {
        return request.method == "PUT" && request.target.find("partNumber=" + number + "&") != std::string::npos;
    }
    static bool is_complete(const HttpRequest& request) {
        return request.method == "POST" && request.target.find("uploadId=") != std::string::npos;
    }
    // The server answers so, `times` times, when it is sent that part.
    void answer_part(const std::string& number, HttpReply reply, int times = std::numeric_limits<int>::max()) {
        backend.intercept([=, said = std::make_shared<std::atomic<int>>(0)](const HttpRequest& request) -> Reply {
            if (!is_part(request, number) || ++*said > times) return {};
            return reply;
        });
    }
    // The parts are joined, nobody hears of it, and there is nothing to join any more. How often that was asked for:
    std::shared_ptr<std::atomic<int>> lose_answer_to_complete() {
        auto asked = std::make_shared<std::atomic<int>>(0);
        backend.intercept([asked](const HttpRequest& request) -> Reply {
            if (!is_complete(request) || ++*asked == 1) return {};
            return S3Backend::error(404, "NoSuchUpload");
        });
        backend.lose_next_reply("POST", "/nar/x.nar?uploadId=upload%2F1");
        return asked;
    }
    // It says that it joined them, and has something else.
    void pretend_to_complete() {
        backend.intercept([](const HttpRequest& request) -> Reply {
            if (!is_complete(request)) return {};
            return HttpReply(200, "<CompleteMultipartUploadResult/>");
        });
        backend.put("/nar/x.nar", "half");
    }

    std::string stored() { return backend.files()["/nar/x.nar"]; }
    std::size_t count(const std::string& method, const std::string& part) {
        auto log = backend.server().log();
        auto matches = [&](const HttpRequest& request) {
            return request.method == method && request.target.find(part) != std::string::npos;
        };
        return static_cast<std::size_t>(std::count_if(log.begin(), log.end(), matches));
    }
    static std::string text_of(const Sent& sent) { return sent ? std::string() : sent.error().one_line(); }
};

} // namespace cachefill::test
