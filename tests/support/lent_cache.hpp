#pragma once

#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "cache/front_memory.hpp"
#include "cache/nar_look.hpp"
#include "nix/realisation.hpp"

#include <utility>

namespace cachefill::test {

// What is handed to whoever wants to own a cache, when the test keeps it.
class LentCache final : public cache::BinaryCache {
  public:
    explicit LentCache(cache::BinaryCache& cache) : cache_(cache) {}

    async::Task<Result<cache::CacheInfo>> open() override { return cache_.open(); }
    const cache::CacheUri& uri() const override { return cache_.uri(); }
    async::Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths) override {
        return cache_.query_missing(std::move(paths));
    }
    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override {
        return cache_.get_narinfo(std::move(path));
    }
    async::Task<Result<cache::NarLook>> look_at_nar(nix::NarInfo info) override {
        return cache_.look_at_nar(std::move(info));
    }
    async::Task<Result<cache::NarRemarks>> check_nar(nix::NarInfo info) override {
        return cache_.check_nar(std::move(info));
    }
    bool sends_piece_by_piece() const override { return cache_.sends_piece_by_piece(); }
    bool publishes_by_upload() const override { return cache_.publishes_by_upload(); }
    async::Task<Result<std::unique_ptr<cache::Upload>>> begin_upload(cache::UploadRequest request) override {
        return cache_.begin_upload(std::move(request));
    }
    async::Task<Result<void>> pin(std::string name, nix::StorePath path, int keep) override {
        return cache_.pin(std::move(name), std::move(path), keep);
    }
    async::Task<Result<std::string>> read_nar(nix::NarInfo info) override { return cache_.read_nar(std::move(info)); }
    async::Task<Result<void>> set_name(std::string name, nix::StorePath path, int keep) override {
        return cache_.set_name(std::move(name), std::move(path), keep);
    }
    async::Task<Result<std::optional<nix::StorePath>>> find_name(std::string name) override {
        return cache_.find_name(std::move(name));
    }
    async::Task<Result<std::optional<nix::Realisation>>> get_realisation(std::string id) override {
        return cache_.get_realisation(std::move(id));
    }
    async::Task<Result<void>> put_realisation(nix::Realisation realisation) override {
        return cache_.put_realisation(std::move(realisation));
    }
    std::optional<cache::FrontMemory> front_memory() const override { return cache_.front_memory(); }

  private:
    cache::BinaryCache& cache_;
};

} // namespace cachefill::test
