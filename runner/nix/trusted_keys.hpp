#pragma once

#include "nix/narinfo.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::nix {

// The name in a signature ("name:base64"); empty if it has none.
std::string_view signer(std::string_view signature);
enum class SignatureCheck { good, other, no_signature };
// Is it one of `fingerprint` by this key? The name is not looked at.
SignatureCheck check_signature(std::string_view fingerprint, std::string_view signature, const PublicKey& key);

// Does a Nix accept a record for its signatures? If not, why.
enum class Belief {
    believed,         // signed by a key that counts, or content-addressed, or nobody checks
    not_signed,       //
    unknown_key,      // signed, but by none of the keys
    wrong_key,        // in the name of a key that counts, by another one (or the record was changed since)
    broken_signature, // what stands in the name of a key that counts is no signature: Nix gives up on this path
    broken_keys,      // one of the keys is none: Nix gives up on everything signed
};

// Whom a Nix believes that was given these keys (trusted-public-keys), as Nix decides it (libstore/keys.cc,
// libutil/signature; tried with 2.8): of two keys of one name only the first counts; a key is read up to its first '=',
// which may be missing; with one among them that is none, nothing that has to be signed is believed, whoever signed it.
class TrustedKeys {
  public:
    TrustedKeys() = default; // none: believes what is content-addressed
    explicit TrustedKeys(std::span<const std::string> texts);
    explicit TrustedKeys(std::span<const PublicKey> keys);
    // require-sigs = false, ?trusted=1
    static TrustedKeys everybody();

    Belief judge(const NarInfo& info) const;
    bool believes(const NarInfo& info) const { return judge(info) == Belief::believed; }
    // Would it believe what is signed with this key?
    bool trusts(const PublicKey& key) const;

    bool checks() const { return !everybody_; }
    const std::vector<PublicKey>& keys() const { return keys_; } // those that count, in their order
    // A key of this name that is not this one stands first, so adding this one would not help.
    bool hides(const PublicKey& key) const;
    // Harmless to print, with what is wrong with it; empty if all are keys.
    const std::string& broken() const { return broken_; }
    // "a-1, b-1"
    std::string names() const;

  private:
    void add(PublicKey key);

    bool everybody_ = false;
    std::vector<PublicKey> keys_;
    std::string broken_;
};

} // namespace cachefill::nix
