#include "shard/importing.hpp"

#include "async/deadline.hpp"
#include "base/text.hpp"
#include "shard/bundle_file.hpp"

#include <optional>
#include <unordered_set>

namespace cachefill::shard {

namespace fs = std::filesystem;

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto longest_fetch = 30min; // of one path

Task<Result<BundleReader>> open(async::WorkerPool& workers, fs::path file) {
    auto work = [file = std::move(file)] { return BundleReader::open(file); };
    co_return co_await workers.run(std::move(work));
}

Task<Result<std::string>> next_piece(async::WorkerPool& workers, BundleReader& reader) {
    auto work = [&reader] { return reader.next(); };
    co_return co_await workers.run(work);
}

// Reads it to its end.
Task<Result<void>> check(async::WorkerPool& workers, BundleReader& reader) {
    for (bool more = true; more;) {
        CO_TRY(piece, co_await next_piece(workers, reader));
        more = !piece.empty();
    }
    co_return Result<void>();
}

Result<void> check_commit(const Bundle& bundle, const std::string& commit) {
    if (commit.empty() || bundle.commit == commit) return {};
    auto of = bundle.commit.empty() ? "no commit" : "the commit " + bundle.commit;
    return Failure(FailureKind::usage, "it is of " + of + ", and this run is of " + sanitize(commit) + " (GITHUB_SHA)")
        .with_hint("hand on the bundle that a job of the same run has written");
}

// What is not content-addressed no daemon takes from a file.
Task<Result<void>> fetch_expected(const Bundle& bundle, daemon::Connection& store) {
    CO_TRY(valid, co_await store.query_valid_paths(bundle.contents.expected));
    std::unordered_set<nix::StorePath> here(valid.begin(), valid.end());
    for (const auto& path : bundle.contents.expected) {
        if (!here.contains(path)) {
            auto doing = "fetching " + path.to_string();
            auto work = store.ensure_path(path);
            auto fetched = co_await async::with_deadline(std::move(work), longest_fetch, doing);
            if (!fetched)
                co_return std::move(fetched)
                    .error()
                    .with_context("fetching " + path.to_string() + ", which derivations of the bundle need")
                    .with_hint("it was built for an evaluation, or named by its path: it has to be in a cache that "
                               "this machine's Nix fetches from");
        }
        CO_TRY_VOID(co_await store.add_temp_root(path));
    }
    co_return Result<void>();
}

Task<Result<void>> add_objects(async::WorkerPool& workers, BundleReader& reader, daemon::Connection& store) {
    daemon::Payload payload = [&workers, &reader] { return next_piece(workers, reader); };
    co_return co_await store.add_objects(std::move(payload));
}

} // namespace

Task<Result<Bundle>> take_bundle(async::WorkerPool& workers, fs::path file, std::string commit,
                                 daemon::Connection& store) {
    auto doing = "taking the bundle " + sanitize(file.string());
    CO_TRY(first, co_await open(workers, file));
    CO_TRY_VOID(co_await check(workers, first));
    CO_TRY_VOID(with_context(check_commit(first.bundle(), commit), doing));
    auto fetched = co_await fetch_expected(first.bundle(), store);
    CO_TRY_VOID(with_context(std::move(fetched), doing));
    CO_TRY(second, co_await open(workers, std::move(file)));
    if (second.bundle().contents.derivations + second.bundle().contents.sources > 0) {
        auto added = co_await add_objects(workers, second, store);
        CO_TRY_VOID(with_context(std::move(added), doing));
    }
    co_return second.bundle();
}

} // namespace cachefill::shard
