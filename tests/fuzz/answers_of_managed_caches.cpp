// What the APIs of Cachix and attic answer (JSON), which may be any server's that is called so.
//
// The first byte chooses the question, the second the status. Addresses and keys that are taken from an answer are
// words that may stand in nix.conf; what is missing is what was asked about. A failure is one that a cache can have,
// and steers no terminal.
#include "cache/attic_api.hpp"
#include "cache/cachix_api.hpp"
#include "cache/told_reply.hpp"
#include "fuzz/canned_client.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "nix/cache_settings.hpp"

namespace cachefill::fuzz {

namespace {

using test::run_task;

const std::string hash = "00000000000000000000000000000000";

template <class T> Result<T> told(Result<T> result) {
    if (!result)
        require_told(result.error(), {FailureKind::auth, FailureKind::not_found, FailureKind::network,
                                      FailureKind::protocol, FailureKind::usage});
    return result;
}
template <class T> void look_at(const Result<T>& result) { static_cast<void>(told(result)); }

void check_address(const std::string& url) {
    require(cache::plain_address(url) == url, "an address is a plain one");
    require(nix::is_one_word(url), "an address is one word");
}

void check_key(const nix::PublicKey& key) {
    require(nix::is_one_word(key.to_string()), "a key is one word");
    require(nix::PublicKey::parse(key.to_string()).has_value(), "a key is one");
}

void check_missing(const Result<std::vector<std::string>>& missing) {
    if (!missing) return;
    auto path = nix::StorePath::parse_base_name(hash + "-a").value();
    auto named = told(cache::HashedPaths({path}).named_in(*missing, "a cache"));
    require(!named || named->size() <= 1, "no more is missing than was asked about");
}

nix::NarInfo a_narinfo() {
    return nix::NarInfo::parse("StorePath: /nix/store/" + hash +
                               "-a\nURL: nar/a\nNarHash: sha256:" + std::string(52, '0') + "\nNarSize: 8\n")
        .value();
}

void ask_cachix(unsigned question, http::Response answer) {
    CannedClient client(std::move(answer));
    auto uri = cache::CacheUri::parse("demo").value();
    cache::Credentials credentials;
    credentials.token = Secret("token-of-the-team");
    cache::CachixApi api(client, once(), "https://cachix.example/api/v1", uri, credentials);
    cache::CachixMultipart upload{"nar", "upload"};
    switch (question) {
    case 0:
        if (auto info = told(run_task<Result<cache::CachixCacheInfo>>([&](auto) { return api.get_info(); }))) {
            check_address(info->uri);
            for (const auto& key : info->public_keys) check_key(key);
        }
        break;
    case 1:
        check_missing(
            told(run_task<Result<std::vector<std::string>>>([&](auto) { return api.query_missing({hash}); })));
        break;
    case 2:
        look_at(run_task<Result<cache::CachixMultipart>>(
            [&](auto) { return api.create_multipart(codec::Compression::zstd); }));
        break;
    case 3:
        look_at(run_task<Result<std::string>>([&](auto) { return api.try_get_part_url(upload, 1, "md5"); }));
        break;
    case 4:
        look_at(run_task<Result<std::optional<nix::StorePath>>>([&](auto) { return api.find_pin("main"); }));
        break;
    default:
        look_at(run_task<Result<std::string>>(
            [&](auto) { return api.try_put_part("https://s3.example/x", "md5", std::make_shared<std::string>("x")); }));
        look_at(run_task<Result<bool>>([&](auto) { return api.has_narinfo(hash); }));
    }
}

void ask_attic(unsigned question, http::Response answer) {
    CannedClient client(answer);
    auto uri = cache::CacheUri::parse("attic://attic.example/demo").value();
    cache::AtticLogin login;
    login.token = Secret("token-of-the-team");
    cache::AtticApi api(client, once(), uri, login);
    switch (question) {
    case 0:
        if (auto info = told(run_task<Result<cache::AtticCacheInfo>>([&](auto) { return api.get_info(); }))) {
            check_address(info->substituter_url);
            check_key(info->public_key);
            require_harmless(info->retention);
            require(!api.endpoint().empty(), "the API stays somewhere");
        }
        break;
    case 1:
        check_missing(
            told(run_task<Result<std::vector<std::string>>>([&](auto) { return api.query_missing({hash}); })));
        break;
    default:
        answer.effective_url = "https://attic.example/_api/v1/upload-path";
        look_at(api.read_kept(answer, a_narinfo()));
    }
}

} // namespace

void answers_of_managed_caches(std::string_view input) {
    if (input.size() < 2) return;
    unsigned question = static_cast<unsigned char>(input.front()) % 9;
    input.remove_prefix(1);
    if (question < 6)
        ask_cachix(question, canned_answer(input));
    else
        ask_attic(question - 6, canned_answer(input));
}

} // namespace cachefill::fuzz
