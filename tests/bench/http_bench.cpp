// http_bench [REQUESTS] [CONNECTIONS] [DELAY_MS] [RUNS]: small narinfos from a loopback server that answers late, as
// one look-up of a whole closure does. Prints each run, with the least time that connections and delay allow.
// http_bench ask URL FILE: every name in FILE, from that server.
#include "async/task_group.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "http/client.hpp"
#include "support/http_server.hpp"
#include "support/run_task.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <span>

using namespace cachefill;

namespace {

constexpr std::string_view narinfo =
    "StorePath: /nix/store/1b4fqk8yxl1ic2m0ryq4kbfjb6kn9p1x-hello-2.12.1\n"
    "URL: nar/0h3p6q5r6bl2qk3i0kdj8q3xg3nq9x4c.nar.zst\nCompression: zstd\n"
    "FileHash: sha256:0h3p6q5r6bl2qk3i0kdj8q3xg3nq9x4c7yx3m2a1w5v9z8l6k4jf\n"
    "FileSize: 50184\nNarHash: sha256:0m1d2n3p4q5r6s7v8w9x0y1z2a3b4c5d6f7g8h9i0j1k2l3m4n5p\n"
    "NarSize: 226552\nReferences: 1b4fqk8yxl1ic2m0ryq4kbfjb6kn9p1x-hello-2.12.1\n";

// `expected`: empty for any body.
async::Task<void> fetch(http::Client& client, std::string url, std::string_view expected, std::size_t& good) {
    http::Request request(http::Method::get, std::move(url));
    auto response = co_await client.send(std::move(request));
    if (response && response->status == 200 && (expected.empty() || response->body == expected)) ++good;
}

// Asks for every URL at once; how many were answered with 200, and how long that took, in seconds.
std::pair<std::size_t, double> ask(std::vector<std::string> urls, std::size_t connections, std::string_view expected) {
    std::size_t good = 0;
    auto body = [&](async::Executor executor) -> async::Task<void> {
        http::ClientSettings settings;
        settings.connections_per_host = connections;
        auto client = http::make_client(executor, settings);
        async::TaskGroup group(executor);
        for (auto& url : urls) group.spawn(fetch(*client, std::move(url), expected, good));
        co_await group.join();
    };
    auto start = std::chrono::steady_clock::now();
    test::run_task<void>(body);
    return {good, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

int ask_server(const std::string& base, const std::string& list) {
    auto names = read_file(list, 64 << 20);
    if (!names) {
        fmt::print(stderr, "{}\n", render(names.error()));
        return 2;
    }
    std::vector<std::string> urls;
    for (auto name : split_words(*names)) urls.push_back(base + "/" + std::string(name));
    auto count = urls.size();
    auto [good, took] = ask(std::move(urls), 0, {});
    fmt::print("answered           {} of {}\nseconds            {:.2f}\n", good, count, took);
    return good == count ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace

int main(int count, char** values) {
    std::span arguments(values, static_cast<std::size_t>(count));
    if (count == 4 && std::string_view(arguments[1]) == "ask") return ask_server(arguments[2], arguments[3]);
    auto argument = [&](std::size_t index, std::uint64_t otherwise) {
        return index < arguments.size() ? parse_u64(arguments[index]).value_or(otherwise) : otherwise;
    };
    auto requests = argument(1, 13'869);
    auto connections = argument(2, 128);
    std::chrono::milliseconds delay(argument(3, 20));
    auto answer = [&](const test::HttpRequest&) {
        test::HttpReply reply(200, std::string(narinfo));
        reply.faults.delay = delay;
        return reply;
    };
    test::HttpServer server(answer);
    auto least =
        static_cast<double>((requests + connections - 1) / connections) * std::chrono::duration<double>(delay).count();
    for (std::uint64_t run = 0; run < argument(4, 3); ++run) {
        std::vector<std::string> urls;
        for (std::uint64_t i = 0; i < requests; ++i) urls.push_back(fmt::format("{}/{}.narinfo", server.url(), i));
        auto cpu = std::clock();
        auto [good, took] = ask(std::move(urls), connections, narinfo);
        auto used = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
        fmt::print("{} of {} answers in {:.2f} s (at least {:.2f} s), {:.2f} s of processor with the server\n", good,
                   requests, took, least, used);
        if (good != requests) return EXIT_FAILURE;
    }
}
