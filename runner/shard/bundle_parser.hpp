#pragma once

#include "codec/hash.hpp"
#include "shard/bundle.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

// A bundle's bytes, before they are compressed (zstd):
//   "cachefill bundle 1\n"           the format's version, which changes when an older program could not read it
//   u64, little-endian               length of the header
//   the header                       JSON, docs/shards.md; it says what the payload is
//   the payload                      of each store object daemon::path_info_for_import() and its NAR, as a daemon is
//                                    given them after daemon::objects_header()
//   "cachefill bundle end\n"         and the SHA-256, 32 bytes, of everything before this line
namespace cachefill::shard {

inline constexpr std::uint64_t longest_header = 256ULL << 20;

std::string bundle_beginning(std::string_view header);
std::string bundle_end(const codec::Hash& of_all_before);

// Reads them in pieces as they come. Failures are of kind protocol and say what is wrong; nothing is allocated by the
// word of a length.
class BundleParser {
  public:
    using Take = std::function<void(std::string_view)>;

    // What of `bytes` belongs to the payload goes to `take`, in order.
    Result<void> write(std::string_view bytes, const Take& take);
    // Fails unless all of it has come, and is as it was written.
    Result<void> finish() const;
    // Once the header has come.
    const std::optional<Bundle>& bundle() const { return bundle_; }

  private:
    enum class State { magic, length, header, payload, end, done };

    Result<void> step(std::string_view& bytes, const Take& take);
    // Takes bytes until `size` have been gathered: true once they have.
    bool gather(std::string_view& bytes, std::uint64_t size);
    Result<void> check_magic();
    Result<void> check_end();

    State state_ = State::magic;
    std::string gathered_;
    std::uint64_t header_length_ = 0;
    std::uint64_t payload_left_ = 0;
    std::optional<Bundle> bundle_;
    codec::Hasher hasher_{codec::HashAlgorithm::sha256};
};

} // namespace cachefill::shard
