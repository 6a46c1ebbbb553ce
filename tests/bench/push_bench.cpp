// How much slower than its compressor is a push? Puts one large file or many small trees in a folder, pushes them
// into a cache that keeps nothing, then reads and compresses the same bytes with as many threads and nothing else. Once
// more with the two hashes that a narinfo needs: what a push has to do at the least.
#include "async/clock.hpp"
#include "async/worker_pool.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "codec/compression.hpp"
#include "event/event.hpp"
#include "push/nar_dump.hpp"
#include "push/pipeline.hpp"
#include "support/memory_cache.hpp"
#include "support/run_task.hpp"

#include <fmt/core.h>

#include <atomic>
#include <fstream>
#include <sys/resource.h>
#include <thread>

using namespace cachefill;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t block_size = 512 * 1024;

struct Figures {
    double seconds = 0;
    double cpu_seconds = 0;
};

rusage usage_of_this_process() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage;
}

double cpu_seconds() {
    auto usage = usage_of_this_process();
    auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Work> Figures measure(Work work) {
    auto start = Clock::now();
    auto cpu = cpu_seconds();
    work();
    return {std::chrono::duration<double>(Clock::now() - start).count(), cpu_seconds() - cpu};
}

// What is pushed is programs, libraries and their data, so this is made of this machine's: of its files, one after the
// other, from the beginning again when they are used up (which is further apart than a compressor looks back).
class Bytes {
  public:
    std::string make(std::size_t size) {
        std::string bytes(size, '\0');
        for (std::size_t filled = 0; filled < size;) {
            if (!file_.is_open()) open_next();
            file_.read(bytes.data() + filled, static_cast<std::streamsize>(size - filled));
            filled += static_cast<std::size_t>(file_.gcount());
            if (file_) continue;
            file_.close();
            file_.clear();
        }
        return bytes;
    }

  private:
    void open_next() {
        using std::filesystem::directory_options;
        if (next_ == std::filesystem::recursive_directory_iterator())
            next_ = std::filesystem::recursive_directory_iterator("/usr", directory_options::skip_permission_denied);
        if (next_->is_regular_file() && !next_->is_symlink()) file_.open(next_->path(), std::ios::binary);
        ++next_;
    }

    std::filesystem::recursive_directory_iterator next_;
    std::ifstream file_;
};

struct Store {
    std::filesystem::path folder;
    std::vector<nix::PathInfo> infos;
    std::uint64_t bytes = 0;

    std::filesystem::path physical(const nix::StorePath& path) const { return folder / std::string(path.base_name()); }
};

nix::StorePath path_named(const std::string& name) {
    auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, name).to_nix32();
    return nix::StorePath::parse_base_name(digest.substr(0, nix::hash_part_length) + "-" + name).value();
}

void put(const std::filesystem::path& file, std::uint64_t size, Bytes& bytes) {
    std::ofstream out(file, std::ios::binary);
    for (; size > 0; size -= std::min<std::uint64_t>(size, block_size))
        out << bytes.make(static_cast<std::size_t>(std::min<std::uint64_t>(size, block_size)));
}

void take_up(Store& store, const nix::StorePath& path, std::vector<nix::StorePath> references) {
    push::NarDump dump(store.physical(path));
    codec::Hasher hasher(codec::HashAlgorithm::sha256);
    std::vector<char> block(block_size);
    std::uint64_t size = 0;
    for (std::size_t count = block.size(); count == block.size(); size += count) {
        count = dump.read(block).value();
        hasher.update({block.data(), count});
    }
    store.bytes += size;
    store.infos.push_back({.path = path,
                           .nar_hash = hasher.finish(),
                           .nar_size = size,
                           .references = std::move(references),
                           .deriver = {},
                           .ultimate = true,
                           .signatures = {},
                           .content_address = {}});
}

void make_large(Store& store, std::uint64_t mebibytes) {
    auto path = path_named("large-" + std::to_string(mebibytes));
    Bytes bytes;
    if (!std::filesystem::exists(store.physical(path))) put(store.physical(path), mebibytes << 20, bytes);
    take_up(store, path, {});
}

// Like a closure of small packages: a few files each, some references to others.
void make_small(Store& store, std::uint64_t count) {
    Bytes bytes;
    for (std::uint64_t i = 0; i < count; ++i) {
        auto path = path_named("small-" + std::to_string(i));
        auto root = store.physical(path);
        if (!std::filesystem::exists(root)) {
            std::filesystem::create_directories(root / "share");
            for (std::uint64_t file = 0; file < 6; ++file)
                put(root / "share" / std::to_string(file), 500 + (i * 7919 + file * 104729) % 20000, bytes);
        }
        std::vector<nix::StorePath> references;
        for (std::uint64_t other = 1; other <= i && other <= 4000; other *= 5)
            references.push_back(store.infos[i - other].path);
        take_up(store, path, std::move(references));
    }
}

struct NullSink final : event::Sink {
    void on_event(const event::Event&) override {}
};

std::size_t push_all(const Store& store, std::size_t threads) {
    std::size_t published = 0;
    std::map<nix::StorePath, const nix::PathInfo*> by_path;
    for (const auto& info : store.infos) by_path.emplace(info.path, &info);
    auto body = [&](async::Executor executor) -> async::Task<void> {
        test::MemoryCache cache(executor);
        cache.keeps_bytes = false;
        cache.longest_step = 0;
        async::WorkerPool workers(executor, threads);
        NullSink sink;
        push::PushEnvironment environment;
        environment.physical = [&](const nix::StorePath& path) { return store.physical(path); };
        environment.is_served = [](nix::StorePath) -> async::Task<Result<bool>> { co_return false; };
        environment.path_infos =
            [&](std::vector<nix::StorePath> paths) -> async::Task<Result<std::vector<std::optional<nix::PathInfo>>>> {
            std::vector<std::optional<nix::PathInfo>> infos;
            for (const auto& path : paths) infos.emplace_back(*by_path.at(path));
            co_return infos;
        };
        environment.on_settled = [](const nix::StorePath&, event::PushOutcome) {};
        environment.is_building = [] { return false; };
        auto pipeline = push::make_pipeline(executor, cache, workers, {}, std::move(environment), sink);
        for (const auto& info : store.infos) pipeline->add(info.path, true);
        pipeline->close();
        co_await pipeline->run();
        published = cache.published.size();
    };
    test::run_task<void>(body);
    return published;
}

enum class Hashing { none, both };

std::uint64_t compress_one(const Store& store, const nix::PathInfo& info, int threads, Hashing hashing) {
    std::vector<char> block(static_cast<std::size_t>(std::min<std::uint64_t>(block_size, info.nar_size)));
    codec::CompressionSettings settings;
    settings.threads = threads;
    settings.size_hint = info.nar_size;
    auto compressor = codec::make_compressor(settings).value();
    push::NarDump dump(store.physical(info.path));
    codec::Hasher nar_hasher(codec::HashAlgorithm::sha256), file_hasher(codec::HashAlgorithm::sha256);
    std::uint64_t compressed = 0;
    std::string out;
    for (std::size_t count = block.size(); count == block.size();) {
        count = dump.read(block).value();
        if (!compressor->write({block.data(), count}, out)) std::terminate();
        if (hashing == Hashing::both) nar_hasher.update({block.data(), count});
        if (hashing == Hashing::both) file_hasher.update(out);
        compressed += out.size();
        out.clear();
    }
    if (!compressor->finish(out)) std::terminate();
    if (hashing == Hashing::both) file_hasher.update(out);
    return compressed + out.size();
}

std::uint64_t compress_all(const Store& store, std::size_t threads, Hashing hashing) {
    if (store.infos.size() == 1) return compress_one(store, store.infos[0], static_cast<int>(threads), hashing);
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> compressed{0};
    std::vector<std::jthread> pool;
    for (std::size_t i = 0; i < threads; ++i)
        pool.emplace_back([&] {
            for (auto mine = next++; mine < store.infos.size(); mine = next++)
                compressed += compress_one(store, store.infos[mine], 1, hashing);
        });
    pool.clear();
    return compressed;
}

void tell(std::string_view what, const Figures& figures, std::uint64_t bytes) {
    fmt::print("{:<22} {:>7.0f} MB/s  {:>6.1f} s  {:>6.1f} s of processor time\n", what,
               static_cast<double>(bytes) / 1e6 / figures.seconds, figures.seconds, figures.cpu_seconds);
}

} // namespace

int main(int argc, char** argv) {
    std::string_view mode = argc == 4 ? argv[2] : "";
    if (mode != "large" && mode != "small") {
        fmt::print(stderr, "usage: push_bench FOLDER large MEBIBYTES\n       push_bench FOLDER small PATHS\n");
        return 2;
    }
    Store store{.folder = argv[1], .infos = {}};
    auto amount = parse_u64(argv[3]).value_or(1);
    if (mode == "large")
        make_large(store, amount);
    else
        make_small(store, amount);
    auto threads = std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
    auto before = usage_of_this_process().ru_maxrss;
    std::size_t published = 0;
    auto push = measure([&] { published = push_all(store, threads); });
    auto peak = usage_of_this_process().ru_maxrss;
    std::uint64_t compressed = 0;
    auto alone = measure([&] { compressed = compress_all(store, threads, Hashing::none); });
    auto hashed = measure([&] { compress_all(store, threads, Hashing::both); });

    fmt::print("paths                  {} ({} published), {}, compressed to {:.0f} %\n", store.infos.size(), published,
               human_bytes(store.bytes), 100.0 * static_cast<double>(compressed) / static_cast<double>(store.bytes));
    fmt::print("threads                {}\n", threads);
    tell("push", push, store.bytes);
    tell("read and compress only", alone, store.bytes);
    tell("and hash", hashed, store.bytes);
    auto percent = [&](const Figures& other) { return 100 * other.cpu_seconds / push.cpu_seconds; };
    fmt::print("ratio                  {:.0f} % by processor time; hashing included {:.0f} %\n", percent(alone),
               percent(hashed));
    fmt::print("peak memory            {} MiB ({} MiB before the push)\n", peak / 1024, before / 1024);
    return published == store.infos.size() ? 0 : 1;
}
