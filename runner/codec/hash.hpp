#pragma once

#include "base/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cachefill::codec {

enum class HashAlgorithm : std::uint8_t { md5, sha1, sha256, sha512 };

std::string_view to_string(HashAlgorithm algorithm);
std::size_t digest_size(HashAlgorithm algorithm);

// A digest and the algorithm that made it. Spellings (Nix, libutil/hash.cc): "sha256:" + base16, nix32 or base64, told
// apart by length; SRI "sha256-" + base64.
class Hash {
  public:
    // All zero bytes: only a place to put a real one.
    Hash() = default;
    // `digest` must have digest_size(algorithm) bytes.
    Hash(HashAlgorithm algorithm, std::string_view digest);

    // Any spelling with its algorithm ("sha256:…", "sha256-…").
    static Result<Hash> parse(std::string_view text);
    // Digits alone, in any base, of an algorithm known from elsewhere.
    static Result<Hash> parse_digits(HashAlgorithm algorithm, std::string_view digits);

    HashAlgorithm algorithm() const { return algorithm_; }
    std::string_view digest() const { return {reinterpret_cast<const char*>(digest_.data()), digest_size(algorithm_)}; }

    std::string to_base16() const; // no prefix
    std::string to_nix32() const;  // no prefix
    std::string to_string() const; // "sha256:" + nix32, as narinfo and fingerprint have it
    std::string to_sri() const;

    friend bool operator==(const Hash&, const Hash&) = default;

  private:
    HashAlgorithm algorithm_ = HashAlgorithm::sha256;
    std::array<std::uint8_t, 64> digest_{};
};

// Hash as bytes come (OpenSSL inside). Movable; finish() once.
class Hasher {
  public:
    explicit Hasher(HashAlgorithm algorithm);
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    ~Hasher();

    void update(std::string_view bytes);
    Hash finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

Hash hash_bytes(HashAlgorithm algorithm, std::string_view bytes);

// RFC 2104, with SHA-256.
Hash hmac_sha256(std::string_view key, std::string_view bytes);

} // namespace cachefill::codec
