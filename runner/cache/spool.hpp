#pragma once

#include "async/worker_pool.hpp"
#include "cache/binary_cache.hpp"
#include "cache/new_file.hpp"
#include "http/client.hpp"

namespace cachefill::cache {

// Holds a compressed NAR until its hash, and so its name, is known: in memory together with the budget its chunks came
// with, or, when it grows or that budget runs short, in a file that leaves nothing behind.
class Spool {
  public:
    static constexpr std::size_t memory_limit = 16 << 20;

    Spool(async::WorkerPool& workers, std::filesystem::path directory, std::uint64_t nar_size)
        : workers_(workers), directory_(std::move(directory)), nar_size_(nar_size) {}

    async::Task<Result<void>> append(Chunk chunk);
    std::uint64_t size() const { return size_; }
    bool is_in_file() const { return file_.has_value(); }

    // No more is appended: makes it the body of `request`, which must not outlive the spool. May be called again.
    void send_as_body(http::Request& request);
    // Frees memory, budget and disk.
    void clear();

  private:
    bool must_spill(const Chunk& chunk) const;
    Result<void> write_to_file(std::string_view bytes);

    async::WorkerPool& workers_;
    std::filesystem::path directory_;
    std::uint64_t nar_size_;
    std::uint64_t size_ = 0;
    std::shared_ptr<std::string> memory_ = std::make_shared<std::string>();
    std::vector<async::Limiter::Permit> budget_;
    std::optional<NewFile> file_;
};

} // namespace cachefill::cache
