#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <string>
#include <string_view>

namespace cachefill::codec {

inline constexpr std::size_t ed25519_public_key_size = 32;
inline constexpr std::size_t ed25519_signature_size = 64;

struct Ed25519KeyPair {
    Secret secret;          // 64 bytes: seed followed by public key, as Nix and libsodium store it
    std::string public_key; // 32 bytes
};

Ed25519KeyPair ed25519_generate();
// The public key that belongs to the seed in `secret` (64 bytes), whatever its second half says.
Result<std::string> ed25519_public_key(const Secret& secret);
// `secret` has 64 bytes.
Result<std::string> ed25519_sign(const Secret& secret, std::string_view message);
bool ed25519_verify(std::string_view public_key, std::string_view message, std::string_view signature);

} // namespace cachefill::codec
