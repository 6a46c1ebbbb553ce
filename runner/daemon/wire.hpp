#pragma once

#include "base/result.hpp"
#include "nix/store_path.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The worker protocol's primitives (Nix, libutil/serialise.hh): every integer and boolean is a little-endian u64; a
// string is its length, its bytes and zero bytes up to a multiple of 8; a list is its count and its items; a map is its
// count and its pairs.
namespace cachefill::daemon {

// Longer ones are taken for a confused peer. The longest real string is a build's error message, the longest message
// the list of all dead paths of a large store.
inline constexpr std::uint64_t longest_string = 64ULL << 20;
inline constexpr std::uint64_t longest_message = 512ULL << 20;

class WireWriter {
  public:
    void word(std::uint64_t value);
    void encoded(std::string_view bytes) { bytes_ += bytes; } // by another writer
    void string(std::string_view text);
    void path(const nix::StorePath& path);
    void paths(const std::vector<nix::StorePath>& paths);
    void map(const std::map<std::string, std::string>& entries);

    const std::string& bytes() const { return bytes_; }
    std::string take() { return std::exchange(bytes_, {}); }

  private:
    std::string bytes_;
};

// Reads one message from the front of what has arrived so far. Once something is missing or wrong, every further read
// returns zero or empty; the caller reads a whole message and then asks ok(). A message that is only incomplete is read
// again from its start when at least needed() bytes are there. Nothing is allocated by the word of a length.
class WireReader {
  public:
    explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

    std::uint64_t word();
    bool flag() { return word() != 0; }
    std::string_view string(); // lies in the bytes given
    nix::StorePath path();     // some valid path when not ok()
    std::optional<nix::StorePath> optional_path();
    std::vector<nix::StorePath> paths();
    std::vector<std::string> strings();

    // Calls read_item() for each item of a list or map, as long as all is well. An item takes at least `least_size`
    // bytes: what is still missing is then known early, and an impossible count refused.
    template <class ReadItem> void list(std::uint64_t least_size, ReadItem read_item) {
        auto count = begin_list(least_size);
        for (; count > 0 && ok(); --count) {
            outstanding_ -= least_size;
            read_item();
        }
    }

    // Declares the message nonsense; the first failure stays.
    void fail(Failure failure);

    bool ok() const { return !failure_ && needed_ == 0; }
    const std::optional<Failure>& failure() const { return failure_; }
    std::uint64_t needed() const { return needed_; } // bytes from the start of the message; 0 when nothing is missing
    std::size_t position() const { return position_; }

  private:
    bool require(std::uint64_t size);
    std::uint64_t begin_list(std::uint64_t least_size);

    std::string_view bytes_;
    std::size_t position_ = 0;
    std::uint64_t outstanding_ = 0; // least size of the list items begun but not yet read
    std::uint64_t needed_ = 0;
    std::optional<Failure> failure_;
};

} // namespace cachefill::daemon
