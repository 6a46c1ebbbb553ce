#include "codec/ed25519.hpp"

#include "base/text.hpp"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

namespace cachefill::codec {

namespace {

constexpr std::size_t seed_size = 32;
constexpr std::size_t secret_size = seed_size + ed25519_public_key_size;

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* data_of(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Failure openssl_failure(std::string_view doing) {
    return Failure(FailureKind::machine, "OpenSSL failed to " + std::string(doing) + " with Ed25519");
}

Result<Key> load_secret(const Secret& secret) {
    if (secret.reveal().size() != secret_size)
        return Failure(FailureKind::usage,
                       "an Ed25519 secret key has 64 bytes, not " + std::to_string(secret.reveal().size()));
    Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, data_of(secret.reveal()), seed_size));
    if (!key) return openssl_failure("load a key");
    return key;
}

Result<std::string> public_key_of(EVP_PKEY* key) {
    std::string bytes(ed25519_public_key_size, '\0');
    std::size_t size = bytes.size();
    if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1)
        return openssl_failure("derive a public key");
    return bytes;
}

} // namespace

Ed25519KeyPair ed25519_generate() {
    Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    std::string bytes;
    bytes.reserve(secret_size); // so that the seed is not left behind in a buffer that was outgrown
    bytes.resize(seed_size);
    std::size_t size = seed_size;
    if (!key || EVP_PKEY_get_raw_private_key(key.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1)
        throw std::runtime_error("OpenSSL failed to make an Ed25519 key");
    auto public_key = public_key_of(key.get());
    if (!public_key) throw std::runtime_error(public_key.error().cause());
    bytes += *public_key;
    return {Secret(std::move(bytes)), *std::move(public_key)};
}

Result<std::string> ed25519_public_key(const Secret& secret) {
    TRY(key, load_secret(secret));
    return public_key_of(key.get());
}

Result<std::string> ed25519_sign(const Secret& secret, std::string_view message) {
    TRY(key, load_secret(secret));
    Context context(EVP_MD_CTX_new());
    std::string signature(ed25519_signature_size, '\0');
    std::size_t size = signature.size();
    if (!context || EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key.get(), nullptr) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data_of(message),
                       message.size()) != 1)
        return openssl_failure("sign");
    return signature;
}

bool ed25519_verify(std::string_view public_key, std::string_view message, std::string_view signature) {
    if (public_key.size() != ed25519_public_key_size || signature.size() != ed25519_signature_size) return false;
    Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data_of(public_key), public_key.size()));
    Context context(EVP_MD_CTX_new());
    return key && context &&
           EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key.get(), nullptr) == 1 &&
           EVP_DigestVerify(context.get(), data_of(signature), signature.size(), data_of(message), message.size()) == 1;
}

} // namespace cachefill::codec
