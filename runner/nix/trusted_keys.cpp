#include "nix/trusted_keys.hpp"

#include "base/text.hpp"
#include "codec/ed25519.hpp"
#include "nix/key_text.hpp"

#include <algorithm>

namespace cachefill::nix {

namespace {

constexpr std::size_t signature_size = 64;

const PublicKey* find(const std::vector<PublicKey>& keys, std::string_view name) {
    auto found = std::find_if(keys.begin(), keys.end(), [&](const PublicKey& key) { return key.name == name; });
    return found == keys.end() ? nullptr : &*found;
}

} // namespace

std::string_view signer(std::string_view signature) { return split_key_text(signature).first; }

SignatureCheck check_signature(std::string_view fingerprint, std::string_view signature, const PublicKey& key) {
    auto bytes = decode_key_text(split_key_text(signature).second);
    if (!bytes || bytes->size() != signature_size) return SignatureCheck::no_signature;
    return codec::ed25519_verify(key.bytes, fingerprint, *bytes) ? SignatureCheck::good : SignatureCheck::other;
}

TrustedKeys::TrustedKeys(std::span<const std::string> texts) {
    for (const auto& text : texts) {
        auto key = PublicKey::parse(text);
        if (key)
            add(*std::move(key));
        else if (broken_.empty())
            broken_ = key.error().cause();
    }
}

TrustedKeys::TrustedKeys(std::span<const PublicKey> keys) {
    for (const auto& key : keys) add(key);
}

TrustedKeys TrustedKeys::everybody() {
    TrustedKeys all;
    all.everybody_ = true;
    return all;
}

void TrustedKeys::add(PublicKey key) {
    if (!find(keys_, key.name)) keys_.push_back(std::move(key));
}

bool TrustedKeys::trusts(const PublicKey& key) const {
    if (everybody_) return true;
    const auto* known = broken_.empty() ? find(keys_, key.name) : nullptr;
    return known && *known == key;
}

bool TrustedKeys::hides(const PublicKey& key) const {
    const auto* known = find(keys_, key.name);
    return known && *known != key;
}

Belief TrustedKeys::judge(const NarInfo& info) const {
    if (everybody_ || content_address_matches(info.path, info.content_address, info.references))
        return Belief::believed;
    if (!broken_.empty()) return Belief::broken_keys;
    auto fingerprint = info.fingerprint();
    auto belief = info.signatures.empty() ? Belief::not_signed : Belief::unknown_key;
    for (const auto& text : info.signatures) {
        const auto* key = find(keys_, signer(text));
        if (!key) continue;
        switch (check_signature(fingerprint, text, *key)) {
        case SignatureCheck::no_signature:
            return Belief::broken_signature;
        case SignatureCheck::good:
            belief = Belief::believed;
            break;
        case SignatureCheck::other:
            if (belief != Belief::believed) belief = Belief::wrong_key;
            break;
        }
    }
    return belief;
}

std::string TrustedKeys::names() const {
    std::vector<std::string> names;
    for (const auto& key : keys_) names.push_back(ellipsize(sanitize(key.name), 80));
    return join(names, ", ");
}

} // namespace cachefill::nix
