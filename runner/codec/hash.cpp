#include "codec/hash.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace cachefill::codec {

namespace {

constexpr std::array<std::string_view, 4> names{"md5", "sha1", "sha256", "sha512"};
constexpr std::array<std::size_t, 4> sizes{16, 20, 32, 64};

std::size_t index_of(HashAlgorithm algorithm) { return static_cast<std::size_t>(algorithm); }

std::optional<HashAlgorithm> find_algorithm(std::string_view name) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return static_cast<HashAlgorithm>(i);
    return {};
}

struct FreeMethod {
    void operator()(EVP_MD* method) const { EVP_MD_free(method); }
};
using Methods = std::array<std::unique_ptr<EVP_MD, FreeMethod>, 4>;

Methods fetch_methods() {
    Methods methods;
    for (std::size_t i = 0; i < names.size(); ++i)
        methods[i].reset(EVP_MD_fetch(nullptr, std::string(names[i]).c_str(), nullptr));
    return methods;
}

// Fetched once: looking a method up by name costs more than hashing a short text.
const EVP_MD* method_of(HashAlgorithm algorithm) {
    static const Methods methods = fetch_methods();
    return methods[index_of(algorithm)].get();
}

Failure bad_hash(std::string_view text, std::string_view why) {
    return Failure(FailureKind::protocol, "bad hash '" + quoted_reply(text, 160) + "': " + std::string(why));
}

} // namespace

std::string_view to_string(HashAlgorithm algorithm) { return names[index_of(algorithm)]; }
std::size_t digest_size(HashAlgorithm algorithm) { return sizes[index_of(algorithm)]; }

Hash::Hash(HashAlgorithm algorithm, std::string_view digest) : algorithm_(algorithm) {
    if (digest.size() != digest_size(algorithm))
        throw std::logic_error("a digest of " + std::to_string(digest.size()) + " bytes for " +
                               std::string(codec::to_string(algorithm)));
    std::copy(digest.begin(), digest.end(), digest_.begin());
}

Result<Hash> Hash::parse(std::string_view text) {
    auto separator = text.find_first_of(":-");
    if (separator == text.npos) return bad_hash(text, "it does not begin with an algorithm, such as 'sha256:'");
    auto algorithm = find_algorithm(text.substr(0, separator));
    if (!algorithm) return bad_hash(text, "the algorithm is none of md5, sha1, sha256 and sha512");
    auto digits = text.substr(separator + 1);
    if (text[separator] == ':') return parse_digits(*algorithm, digits);
    auto digest = from_base64(digits);
    if (!digest) return bad_hash(text, digest.error().cause());
    if (digest->size() != digest_size(*algorithm))
        return bad_hash(text, "it has " + counted(digest->size(), "byte") + ", not " +
                                  std::to_string(digest_size(*algorithm)));
    return Hash(*algorithm, *digest);
}

Result<Hash> Hash::parse_digits(HashAlgorithm algorithm, std::string_view digits) {
    const std::size_t size = digest_size(algorithm);
    const std::size_t base16_length = size * 2;
    const std::size_t nix32_length = (size * 8 - 1) / 5 + 1;
    const std::size_t base64_length = (size + 2) / 3 * 4;
    if (digits.size() != base16_length && digits.size() != nix32_length && digits.size() != base64_length)
        return bad_hash(digits, counted(digits.size(), "digit") + " make no " +
                                    std::string(codec::to_string(algorithm)) + ", that takes " +
                                    std::to_string(base16_length) + ", " + std::to_string(nix32_length) + " or " +
                                    std::to_string(base64_length));
    auto digest = digits.size() == base16_length  ? from_base16(digits)
                  : digits.size() == nix32_length ? from_nix32(digits)
                                                  : from_base64(digits);
    if (!digest) return bad_hash(digits, digest.error().cause());
    if (digest->size() != size) return bad_hash(digits, "it has " + counted(digest->size(), "byte"));
    return Hash(algorithm, *digest);
}

std::string Hash::to_base16() const { return codec::to_base16(digest()); }
std::string Hash::to_nix32() const { return codec::to_nix32(digest()); }
std::string Hash::to_string() const { return std::string(codec::to_string(algorithm_)) + ":" + to_nix32(); }
std::string Hash::to_sri() const { return std::string(codec::to_string(algorithm_)) + "-" + to_base64(digest()); }

struct Hasher::State {
    HashAlgorithm algorithm;
    EVP_MD_CTX* context;

    explicit State(HashAlgorithm wanted) : algorithm(wanted), context(EVP_MD_CTX_new()) {
        if (context == nullptr || EVP_DigestInit_ex2(context, method_of(algorithm), nullptr) != 1) {
            EVP_MD_CTX_free(context);
            throw std::runtime_error("OpenSSL has no " + std::string(codec::to_string(algorithm)));
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher(HashAlgorithm algorithm) : state_(std::make_unique<State>(algorithm)) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::string_view bytes) {
    if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1)
        throw std::runtime_error("OpenSSL failed to hash");
}

Hash Hasher::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_DigestFinal_ex(state_->context, digest.data(), &size) != 1)
        throw std::runtime_error("OpenSSL failed to hash");
    return Hash(state_->algorithm, {reinterpret_cast<const char*>(digest.data()), size});
}

Hash hash_bytes(HashAlgorithm algorithm, std::string_view bytes) {
    Hasher hasher(algorithm);
    hasher.update(bytes);
    return hasher.finish();
}

Hash hmac_sha256(std::string_view key, std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    const auto* input = reinterpret_cast<const unsigned char*>(bytes.data());
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), input, bytes.size(), digest.data(), &size) ==
        nullptr)
        throw std::runtime_error("OpenSSL failed to hash");
    return Hash(HashAlgorithm::sha256, {reinterpret_cast<const char*>(digest.data()), size});
}

} // namespace cachefill::codec
