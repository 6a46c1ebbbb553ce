#pragma once

#include "nix/realisation.hpp"
#include "presence/opened_cache.hpp"
#include "support/hand_clock.hpp"
#include "support/memory_cache.hpp"
#include "support/mishaps.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace cachefill::test {

// How a cache fails; each as the http layer tells it.
enum class Fault { refused, reset, silent, unavailable, limited, one_path, unauthorized, forbidden, gone };
std::string_view to_string(Fault fault);

// A cache that has a fault for some time of a hand-cranked clock. It counts what it is asked.
class FaultyCache final : public MemoryCache {
  public:
    FaultyCache(async::Executor executor, HandClock& clock, std::string name);

    std::optional<Fault> fault;
    std::optional<std::chrono::milliseconds> until; // of the clock; empty: for ever
    std::optional<nix::StorePath> victim;           // of Fault::one_path
    Mishaps mishaps; // at whatever it is asked, an upload's steps included: the connection is reset
    bool has_bulk_query = false;
    std::optional<Failure> bulk_failure; // what every bulk question gets
    bool narinfos_are_nonsense = false;
    cache::Permission permission = cache::Permission::none;
    codec::Compression preferred_compression = codec::Compression::zstd;
    std::string substituter_url; // by which others would fetch from it
    std::size_t questions = 0;
    std::map<std::string, nix::Realisation> told; // by id

    void serve(const nix::StorePath& path, std::vector<nix::StorePath> references = {});
    cache::CacheUri& address() { return address_; }
    bool is_away() const { return fails(nullptr); } // at this moment
    std::optional<Failure> mishap();                // counts a question

    const cache::CacheUri& uri() const override { return address_; }
    async::Task<Result<cache::CacheInfo>> open() override;
    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override;
    async::Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths) override;
    async::Task<Result<std::optional<nix::Realisation>>> get_realisation(std::string id) override;
    async::Task<Result<cache::NarLook>> look_at_nar(nix::NarInfo info) override;

  private:
    bool fails(const nix::StorePath* path) const;
    async::Task<Failure> fail();

    async::Executor executor_;
    HandClock& clock_;
    cache::CacheUri address_;
};

} // namespace cachefill::test
