// How long does it take to ask a cache about every output of a real graph?
//   query_bench serve PORT_FILE DELAY_MS [CORPUS-FOLDER]   a plain cache that answers late, until its input ends; it
//   has
//                                          nothing, or every output of the graph
//   query_bench ask CACHE CORPUS-FOLDER    asks it, as a run does: in bulk where the cache takes that
#include "async/clock.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "cache/make_cache.hpp"
#include "event/event.hpp"
#include "presence/judge.hpp"
#include "presence/opened_cache.hpp"
#include "support/corpus.hpp"
#include "support/http_server.hpp"
#include "support/run_task.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/resource.h>
#include <unordered_map>

using namespace cachefill;
using Clock = std::chrono::steady_clock;

namespace {

struct NullSink final : event::Sink {
    void on_event(const event::Event&) override {}
};

using Narinfos = std::unordered_map<std::string, std::string>; // by hash part

// Of every output. What upstream does not have, and so has no references on record, refers to all that it is built
// from.
Narinfos narinfos_of(const test::Corpus& corpus) {
    const auto& graph = corpus.graph;
    Narinfos narinfos;
    for (auto id : graph.topological_order())
        for (const auto& output : graph.derivation(id).outputs) {
            if (output.path == plan::no_path) continue;
            const auto& path = graph.path(output.path);
            std::vector<std::string> references;
            for (const auto& reference : corpus.world.references(path)) references.emplace_back(reference.base_name());
            if (!corpus.world.caches[1].contains(path))
                for (const auto& input : graph.derivation(id).inputs)
                    for (auto wanted : input.outputs) {
                        auto input_path = graph.derivation(input.derivation).outputs[wanted].path;
                        if (input_path != plan::no_path) references.emplace_back(graph.path(input_path).base_name());
                    }
            auto hash = "sha256:" + std::string(52, '0');
            narinfos[std::string(path.hash_part())] =
                fmt::format("StorePath: {}\nURL: nar/{}.nar\nCompression: none\nFileHash: {}\nFileSize: 4096\n"
                            "NarHash: {}\nNarSize: 4096\nReferences: {}\n",
                            path.to_string(), path.hash_part(), hash, hash, join(references, " "));
        }
    return narinfos;
}

int serve(const std::string& port_file, std::chrono::milliseconds delay, const std::string& folder) {
    Narinfos narinfos;
    if (!folder.empty()) {
        auto corpus = test::read_corpus(folder);
        if (!corpus) {
            fmt::print(stderr, "{}\n", render(corpus.error()));
            return EXIT_FAILURE;
        }
        narinfos = narinfos_of(*corpus);
    }
    auto answer = [delay, &narinfos](const test::HttpRequest& request) {
        bool is_info = request.path() == "/nix-cache-info";
        auto path = request.path();
        auto found = path.ends_with(".narinfo") ? narinfos.find(path.substr(1, path.size() - 9)) : narinfos.end();
        test::HttpReply reply(404, "not here");
        if (is_info) reply = {200, "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n"};
        if (found != narinfos.end()) reply = {200, found->second};
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
    async::SteadyClock clock;
    presence::Judge presence(executor, clock, corpus.graph, facts, sink, {});
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
    presence::OpenedCache opened{.backend = std::move(backend), .info = info, .keys = info.public_keys};
    presence.add_own(std::move(opened));
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
    std::string mode = argc >= 4 ? argv[1] : "";
    if (mode == "serve")
        return serve(argv[2], std::chrono::milliseconds(parse_u64(argv[3]).value_or(20)), argc == 5 ? argv[4] : "");
    if (mode != "ask" || argc != 4) {
        fmt::print(stderr, "usage: query_bench serve PORT_FILE DELAY_MS [CORPUS-FOLDER]\n       query_bench ask CACHE "
                           "CORPUS-FOLDER\n");
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
