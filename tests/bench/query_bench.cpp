// How long does it take to ask a cache about every output of a real graph?
//   query_bench serve PORT_FILE DELAY_MS   a plain cache that has nothing and answers late, until its input ends
//   query_bench ask CACHE CORPUS-FOLDER    asks it, as a run does: in bulk where the cache takes that
#include "app/presence.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "support/corpus.hpp"
#include "support/http_server.hpp"
#include "support/run_task.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/resource.h>

using namespace cachefill;
using Clock = std::chrono::steady_clock;

namespace {

struct NullSink final : event::Sink {
    void on_event(const event::Event&) override {}
};

int serve(const std::string& port_file, std::chrono::milliseconds delay) {
    auto answer = [delay](const test::HttpRequest& request) {
        bool is_info = request.path() == "/nix-cache-info";
        test::HttpReply reply(is_info ? 200 : 404,
                              is_info ? "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n" : "not here");
        reply.faults.delay = delay;
        return reply;
    };
    test::HttpServer server(answer);
    if (!write_file_atomically(port_file, server.url())) return EXIT_FAILURE;
    while (std::getchar() != EOF) continue;
    fmt::print("served             {} requests on {} connections, at most {} at once\n", server.log().size(),
               server.connections(), server.most_at_once());
    return EXIT_SUCCESS;
}

async::Task<Result<std::uint64_t>> ask(async::Executor executor, const std::string& cache, test::Corpus& corpus,
                                       std::chrono::duration<double>& took) {
    http::ClientSettings settings;
    settings.connections_per_host = 128;
    auto client = http::make_client(executor, std::move(settings));
    async::WorkerPool workers(executor, 2);
    NullSink sink;
    plan::Facts facts;
    app::Presence presence(executor, corpus.graph, facts, sink);
    CO_TRY(uri, cache::CacheUri::parse(cache));
    const char* api = std::getenv("CACHEFILL_CACHIX_API");
    cache::CacheContext context{.executor = executor,
                                .client = *client,
                                .workers = workers,
                                .retry = {},
                                .spool_directory = {},
                                .cachix_api = api ? api : "https://cachix.org"};
    auto backend = cache::make_cache(uri, {}, std::move(context));
    CO_TRY(info, co_await backend->open());
    bool has_bulk_query = info.has_bulk_query;
    presence.add(std::move(backend), cache, info.public_keys, info);
    std::vector<plan::PathId> outputs;
    for (std::size_t i = 0; i < corpus.graph.path_count(); ++i)
        if (auto id = static_cast<plan::PathId>(i); corpus.graph.producer(id)) outputs.push_back(id);
    std::uint64_t count = outputs.size();
    auto start = Clock::now();
    if (has_bulk_query) {
        CO_TRY_VOID(co_await presence.ask_bulk(std::move(outputs)));
    } else {
        plan::Questions questions;
        for (auto id : outputs) questions.remote.push_back({id, plan::bit(plan::own_cache)});
        CO_TRY_VOID(co_await presence.answer(std::move(questions), nullptr));
    }
    took = Clock::now() - start;
    co_return count;
}

} // namespace

int main(int argc, char** argv) {
    std::string mode = argc == 4 ? argv[1] : "";
    if (mode == "serve") return serve(argv[2], std::chrono::milliseconds(parse_u64(argv[3]).value_or(20)));
    if (mode != "ask") {
        fmt::print(stderr, "usage: query_bench serve PORT_FILE DELAY_MS\n       query_bench ask CACHE CORPUS-FOLDER\n");
        return 2;
    }
    auto corpus = test::read_corpus(argv[3]);
    if (!corpus) {
        fmt::print(stderr, "{}\n", render(corpus.error()));
        return 5;
    }
    std::string cache = argv[2];
    std::chrono::duration<double> took{};
    auto cpu = std::clock();
    auto make = [&](async::Executor executor) { return ask(executor, cache, *corpus, took); };
    auto asked = test::run_task<Result<std::uint64_t>>(make);
    if (!asked) {
        fmt::print(stderr, "{}\n", render(asked.error()));
        return 5;
    }
    fmt::print("asked              {} paths\nseconds            {:.2f}\nprocessor          {:.2f} s\n", *asked,
               took.count(), static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
}
