#include "nix/signature.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "codec/ed25519.hpp"
#include "codec/encoding.hpp"
#include "nix/key_text.hpp"

#include <algorithm>

namespace cachefill::nix {

namespace {

constexpr std::size_t secret_size = 64;

// What names of real keys consist of. They are written into nix.conf, NIX_CONFIG and lists of NixOS: nothing that ends
// a word, a line or a string there, or begins a comment.
bool is_of_names(char c) {
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_word || std::string_view("._+-@/").find(c) != std::string_view::npos;
}

} // namespace

std::pair<std::string_view, std::string_view> split_key_text(std::string_view text) {
    auto colon = text.find(':');
    if (colon == text.npos) return {{}, text};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<std::string> decode_key_text(std::string_view base64) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    std::size_t group = 0;
    unsigned bits = 0;
    for (char c : base64.substr(0, base64.find('='))) {
        if (c == '\n') continue;
        auto digit = alphabet.find(c);
        if (digit == alphabet.npos) return {};
        group = (group << 6 | digit) & 0xFFFF;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes += static_cast<char>(group >> bits & 0xFF);
    }
    return bytes;
}

std::vector<PublicKey> usable_keys(const std::vector<std::string>& texts) {
    std::vector<PublicKey> keys;
    for (const auto& text : texts)
        if (auto key = PublicKey::parse(text)) keys.push_back(std::move(*key));
    return keys;
}

Result<PublicKey> PublicKey::parse(std::string_view text) {
    auto [name, digits] = split_key_text(text);
    // Only the name is ever shown: people put the secret key here by mistake.
    auto bad = [key_name = name](std::string_view why) {
        auto which = key_name.empty() ? "" : " '" + ellipsize(shown_name(key_name), 80) + "'";
        return Failure(FailureKind::usage, "bad public key" + which + ": " + std::string(why))
            .with_hint("a public key looks like cache.example.org-1:BASE64, with 44 characters after the colon");
    };
    if (name.empty()) return bad("it has no name before a colon");
    if (!std::all_of(name.begin(), name.end(), is_of_names)) return bad("no key has such a name");
    auto bytes = decode_key_text(digits);
    if (!bytes) return bad("after the colon it is not base 64");
    if (bytes->size() == secret_size) return bad("this is a secret key; its public one is wanted");
    if (bytes->size() != codec::ed25519_public_key_size)
        return bad("it has " + counted(bytes->size(), "byte") + ", not 32");
    return PublicKey{std::string(name), *std::move(bytes)};
}

std::string PublicKey::to_string() const { return name + ":" + codec::to_base64(bytes); }

Result<SecretKey> SecretKey::parse(const Secret& text) {
    auto bad = [](const std::string& why) {
        return Failure(FailureKind::usage, "bad secret key: " + why)
            .with_hint("a secret key is what `nix key generate-secret` or `cachix generate-keypair` printed: "
                       "NAME:BASE64 or the base64 alone, 88 characters of it");
    };
    auto [name, digits] = split_key_text(trim(text.reveal()));
    auto decoded = codec::from_base64(digits);
    if (!decoded) return bad("it is " + decoded.error().cause());
    Secret bytes(*std::move(decoded));
    if (bytes.reveal().size() != secret_size)
        return bad("it has " + counted(bytes.reveal().size(), "byte") + ", not 64");
    TRY(public_key, codec::ed25519_public_key(bytes));
    if (bytes.reveal().substr(secret_size - public_key.size()) != public_key)
        return bad("its two halves do not belong together");
    return SecretKey(std::string(name), std::move(bytes));
}

SecretKey SecretKey::generate(std::string name) { return SecretKey(std::move(name), codec::ed25519_generate().secret); }

PublicKey SecretKey::public_key() const {
    return {name_, std::string(bytes_.reveal().substr(secret_size - codec::ed25519_public_key_size))};
}

Secret SecretKey::to_secret_text() const {
    // One allocation of the final size: no outgrown buffer keeps a part of the key.
    Secret digits(codec::to_base64(bytes_.reveal()));
    std::string text;
    text.reserve(name_.size() + 1 + digits.reveal().size());
    text.append(name_).append(":").append(digits.reveal());
    return Secret(std::move(text));
}

Result<std::string> SecretKey::sign_raw(std::string_view fingerprint) const {
    return codec::ed25519_sign(bytes_, fingerprint);
}

Result<std::string> SecretKey::sign(std::string_view fingerprint) const {
    TRY(signature, sign_raw(fingerprint));
    return name_ + ":" + codec::to_base64(signature);
}

bool signed_by_one_of(std::string_view fingerprint, std::span<const std::string> signatures,
                      std::span<const PublicKey> keys) {
    return std::any_of(signatures.begin(), signatures.end(), [&](const std::string& signature) {
        auto [name, digits] = split_key_text(signature);
        for (const auto& key : keys) {
            if (name.empty() || key.name != name) continue;
            auto bytes = decode_key_text(digits);
            if (bytes && codec::ed25519_verify(key.bytes, fingerprint, *bytes)) return true;
        }
        return false;
    });
}

} // namespace cachefill::nix
