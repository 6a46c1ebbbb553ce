// Addresses: of servers, caches, redirects, flakes and remotes, which come from flakes, answers and people.
//
// What is an address reads the same once it is written; host and target hold nothing that ends a line of a request's
// head. A redirect leads to an address, seen from another. A login is shown nowhere. Encodings go there and back.
// Failures are usage, of a redirect protocol.
#include "http/url.hpp"

#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "github/repository.hpp"
#include "nix/flake_url.hpp"

#include <algorithm>

namespace cachefill::fuzz {

namespace {

void check(const http::Url& url) {
    auto ends_line = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; };
    require(url.target.starts_with('/'), "a target begins at the root");
    require(std::none_of(url.target.begin(), url.target.end(), ends_line), "a target is one word");
    require(!url.host.empty() && std::none_of(url.host.begin(), url.host.end(), ends_line), "a host is one word");
    require(url.port != 0, "there is a port");
    auto again = http::parse_url(url.to_string());
    require(again.has_value(), "what is written can be read: " + url.to_string());
    require(again->to_string() == url.to_string() && !again->credentials, "what is read from it is the same");
    require(http::is_same_host(url, *again), "it is the same host");
}

void hides_login(const std::string& text) {
    auto shown = [](const Failure& failure) { return failure.one_line() + failure.hint(); };
    auto url = http::parse_url(text);
    auto told = url ? url->to_string() : shown(url.error());
    require(!holds_planted(told), "a login is not shown");
    auto cache = cache::CacheUri::parse(text);
    told = cache ? cache->to_string() + cache->name : shown(cache.error());
    require(!holds_planted(told), "a cache's login is not shown");
    require(!holds_planted(cache::canonical_url(text)), "a substituter's login is not shown");
}

} // namespace

void url(std::string_view input) {
    if (may_become_planted(input)) return;
    if (auto read = http::parse_url(input))
        check(*read);
    else
        require_told(read.error(), {FailureKind::usage});
    auto base = http::parse_url("https://cache.example/nar/x?y=z").value();
    if (auto next = http::resolve_location(base, input))
        check(*next);
    else
        require_told(next.error(), {FailureKind::protocol});
    if (auto uri = cache::CacheUri::parse(input); !uri)
        require_told(uri.error(), {FailureKind::usage});
    else
        require_harmless(sanitize(uri->to_string()));
    hides_login("https://kim:" + std::string(planted) + "@" + std::string(input));

    if (auto repository = github::parse_remote(input))
        for (const auto* part : {&repository->host, &repository->owner, &repository->name})
            require(!part->empty() && part->find('/') == part->npos, "a repository has three names");
    require(percent_decode(nix::encode_path(input)) == input, "a path goes there and back");
    require(percent_decode(percent_encode(input)) == input, "a word goes there and back");
    nix::has_login(input);
    require(!nix::has_login(input) || nix::may_have_login(input), "what has a login may have one");
    nix::without_tokens(input);
}

} // namespace cachefill::fuzz
