#pragma once

#include "async/signal.hpp"
#include "async/worker_pool.hpp"
#include "daemon/connection.hpp"
#include "nix/derivation.hpp"
#include "shard/bundle_file.hpp"

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace cachefill::shard {

// A bundle on its way into a store. Adding thousands of derivations takes a daemon seconds, so that they are added in
// groups while others plan and build: each can be read at once, and is there when until_added() says so.
// What was added is kept from garbage collection as long as `store` lasts, which outlives this.
class Import {
  public:
    // Reads the file once to its end and checks it before anything is touched; then what its derivations expect is
    // fetched as this machine's daemon fetches things, and its sources are added. `commit`: that it must be of, if it
    // is not empty. Failures name the file or the path, and say what to do.
    static async::Task<Result<std::unique_ptr<Import>>> begin(async::WorkerPool& workers, std::filesystem::path file,
                                                              std::string commit, daemon::Connection& store);

    const Bundle& bundle() const { return bundle_; }
    // One of the bundle's derivations; a failure of kind not_found for any other.
    Result<nix::Derivation> read(const nix::StorePath& path) const;

    // Adds the rest, in the order of the bundle; ends early once `is_over` says so, which is asked between two groups.
    async::Task<Result<void>> run(std::function<bool()> is_over);
    // Until this is in the store, if it comes with the bundle. A failure: it does not come any more, and why.
    async::Task<Result<void>> until_added(nix::StorePath path);
    async::Task<Result<void>> until_all_are_added();

    Import(async::Executor executor, async::WorkerPool& workers, std::filesystem::path file, daemon::Connection& store)
        : workers_(workers), file_(std::move(file)), store_(store), changed_(executor) {}

  private:
    async::Task<Result<void>> check();
    async::Task<Result<void>> fetch_expected();
    async::Task<Result<void>> add_sources();
    async::Task<Result<void>> add_up_to(std::size_t end, const std::function<bool()>& is_over);
    async::Task<Result<void>> add_group(std::size_t count);
    // Objects of a group, and how many bytes of each have yet to be read.
    struct Part {
        std::uint64_t left = 0;
        bool is_wanted = true;
    };
    using Parts = std::deque<Part>;
    async::Task<Result<std::string>> next_wanted(Parts& parts);
    async::Task<Result<void>> pass_over(Parts& parts);
    async::Task<Result<std::string>> next_piece(std::uint64_t& left);
    async::Task<Result<void>> until(std::size_t count);

    async::WorkerPool& workers_;
    std::filesystem::path file_;
    daemon::Connection& store_;
    Bundle bundle_;
    std::unordered_map<nix::StorePath, std::size_t> numbers_;     // of the objects
    std::unordered_map<nix::StorePath, std::string> derivations_; // NARs
    std::optional<BundleReader> reader_;                          // of what is still to be added
    std::string unused_;                                          // of the payload, between two groups
    async::Signal changed_;
    std::size_t added_ = 0; // objects
    std::optional<Failure> failure_;
};

} // namespace cachefill::shard
