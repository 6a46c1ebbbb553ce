#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace cachefill::eval {

// How much memory each target's evaluation took at its peak, kept between runs: {"version": 1, "peaks": {"nixos:nas":
// 734003200}}, bytes.
class MemoryHistory {
  public:
    // A file that is not there is an empty history; one that cannot be understood is a failure, and the caller goes on
    // with an empty one.
    static Result<MemoryHistory> read(const std::filesystem::path& file);

    std::optional<std::uint64_t> peak(const std::string& target) const;
    // A peak that shrank is believed by half, so that one warm run does not make the next cold one too bold.
    void learn(const std::string& target, std::uint64_t peak);
    Result<void> write(const std::filesystem::path& file) const;

  private:
    std::map<std::string, std::uint64_t> peaks_;
};

} // namespace cachefill::eval
