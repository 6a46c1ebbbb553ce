#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::nix {

// "name:base64 of 32 bytes", for instance cache.nixos.org-1:6NCH…
struct PublicKey {
    std::string name;
    std::string bytes;

    static Result<PublicKey> parse(std::string_view text);
    std::string to_string() const;
    friend bool operator==(const PublicKey&, const PublicKey&) = default;
};
// Those of a Nix configuration; what is none is left out, for it helps nobody there either.
std::vector<PublicKey> usable_keys(const std::vector<std::string>& texts);

// "name:base64 of 64 bytes" (Nix), or the base64 alone (what Cachix hands out), then `name` is empty. The bytes are
// seed and public key; parse checks that they belong together.
class SecretKey {
  public:
    static Result<SecretKey> parse(const Secret& text);
    static SecretKey generate(std::string name);

    const std::string& name() const { return name_; }
    PublicKey public_key() const;
    // "name:base64"
    Secret to_secret_text() const;
    // The 64 raw bytes of the signature of `fingerprint`.
    Result<std::string> sign_raw(std::string_view fingerprint) const;
    // "name:base64"
    Result<std::string> sign(std::string_view fingerprint) const;

  private:
    SecretKey(std::string name, Secret bytes) : name_(std::move(name)), bytes_(std::move(bytes)) {}
    std::string name_;
    Secret bytes_;
};

// Is one of `signatures` ("name:base64") a valid signature of `fingerprint` by one of `keys`? Names must match, too.
bool signed_by_one_of(std::string_view fingerprint, std::span<const std::string> signatures,
                      std::span<const PublicKey> keys);

} // namespace cachefill::nix
