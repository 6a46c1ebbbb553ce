// Small spellings of Nix and HTTP that stand everywhere: store paths, hashes, keys, signatures, encodings, dates, times
// and sizes.
//
// What is read is written so that it reads the same, in every spelling that there is of it. What does not read fails as
// documented, and a secret key's failure repeats nothing of it.
#include "base/clock_moment.hpp"
#include "base/units.hpp"
#include "codec/encoding.hpp"
#include "codec/hash.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "http/retry_after.hpp"
#include "nix/key_text.hpp"
#include "nix/path_info.hpp"
#include "nix/signature.hpp"
#include "nix/store_path.hpp"
#include "nix/trusted_keys.hpp"

namespace cachefill::fuzz {

namespace {

template <class T> bool told(const Result<T>& result, FailureKind kind) {
    if (!result) require_told(result.error(), {kind});
    return result.has_value();
}

void paths(std::string_view input) {
    if (auto path = nix::StorePath::parse(input); told(path, FailureKind::protocol)) {
        require(path->to_string() == input, "a path has one spelling");
        require(nix::StorePath::parse_base_name(path->base_name()).value() == *path, "and one name");
    }
    if (auto inside = nix::StorePath::parse_inside(input); told(inside, FailureKind::protocol))
        require(inside->first.to_string() + inside->second == input, "what lies in it is behind it");
    auto path = nix::StorePath::parse_base_name("00000000000000000000000000000000-a").value();
    if (nix::content_address_matches(path, std::string(input), {}))
        require(nix::is_content_address(input), "what matches is a content address");
}

void hashes(std::string_view input) {
    using codec::HashAlgorithm;
    if (auto hash = codec::Hash::parse(input); told(hash, FailureKind::protocol))
        for (const auto& text : {hash->to_string(), hash->to_sri(),
                                 std::string(codec::to_string(hash->algorithm())) + ":" + hash->to_base16()})
            require(codec::Hash::parse(text).value() == *hash, "a hash reads the same in every spelling");
    if (auto bytes = codec::from_base16(input); told(bytes, FailureKind::protocol))
        require(bytes->size() * 2 == input.size(), "two digits a byte");
    if (auto bytes = codec::from_base64(input); told(bytes, FailureKind::protocol))
        require(codec::to_base64(*bytes) == input, "base 64 has one spelling");
    if (auto bytes = codec::from_nix32(input); told(bytes, FailureKind::protocol))
        require(codec::to_nix32(*bytes) == input && codec::is_nix32(input), "base 32 has one spelling");
    require(codec::from_base64(codec::to_base64(input)).value() == input, "bytes go there and back");
    require(codec::from_base16(codec::to_base16(input)).value() == input, "bytes go there and back");
    require(codec::from_nix32(codec::to_nix32(input)).value() == input, "bytes go there and back");
}

void keys(std::string_view input) {
    std::vector<nix::PublicKey> trusted;
    if (auto key = nix::PublicKey::parse(input); told(key, FailureKind::usage)) {
        require(nix::PublicKey::parse(key->to_string()).value() == *key, "a key reads the same");
        trusted.push_back(*key);
    }
    if (auto key = nix::SecretKey::parse(Secret(std::string(input))); told(key, FailureKind::usage))
        require(key->sign("text").has_value(), "a key signs");
    nix::TrustedKeys by_text(std::vector<std::string>{std::string(input)});
    require_harmless(by_text.broken());
    require_harmless(by_text.names());
    const std::vector<std::string> signatures{std::string(input)};
    require(!nix::signed_by_one_of("text", signatures, trusted), "a key is no signature");
    nix::decode_key_text(input);
}

void times(std::string_view input) {
    if (auto duration = parse_duration(input)) require(duration->count() >= 0, "no time is below none");
    parse_bytes(input);
    parse_moment(input, std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000)));
    http::parse_http_date(input);
    parse_utc(input);
}

} // namespace

void spelling(std::string_view input) {
    paths(input);
    hashes(input);
    keys(input);
    times(input);
}

} // namespace cachefill::fuzz
