#include "cache/told_reply.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "cache/narinfo_record.hpp"
#include "http/status.hpp"
#include "http/url.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::cache {

Failure nonsense_answer(const http::Response& response, std::string_view what, std::string hint) {
    auto place = response.blotted(redact_url(response.effective_url));
    if (looks_like_html(response.body))
        return Failure(FailureKind::protocol, place + " answered HTML instead of JSON").with_hint(html_hint);
    // Blotted before it is cut, or a part of a token would stay.
    auto start = quoted_reply(response.blotted(response.body), 120);
    auto status = response.status == 200 ? std::string() : " with " + http::status_name(response.status);
    return Failure(FailureKind::protocol, place + " answered " + std::string(what) + status + ": '" + start + "'")
        .with_hint(std::move(hint));
}

Result<nlohmann::json> read_object(const http::Response& response, std::string hint) {
    auto json = nlohmann::json::parse(response.body, nullptr, false);
    if (!json.is_object()) return nonsense_answer(response, "something else than a JSON object", std::move(hint));
    return json;
}

HashedPaths::HashedPaths(std::vector<nix::StorePath> paths) {
    for (auto& path : paths) {
        std::string hash(path.hash_part());
        if (by_hash_.emplace(hash, std::move(path)).second) hashes_.push_back(std::move(hash));
    }
}

Result<std::vector<nix::StorePath>> HashedPaths::named_in(const std::vector<std::string>& answer,
                                                          const std::string& whose) && {
    std::vector<nix::StorePath> named;
    for (const auto& hash : answer) {
        auto found = by_hash_.extract(hash);
        if (found.empty()) return Failure(FailureKind::protocol, whose + " misses a path that was not asked for");
        named.push_back(std::move(found.mapped()));
    }
    return named;
}

std::optional<std::string> plain_address(std::string text) {
    auto unfit = [](unsigned char c) {
        return c <= ' ' || c >= 127 ||
               std::string_view("#?\"'\\$").find(static_cast<char>(c)) != std::string_view::npos;
    };
    auto url = http::parse_url(text);
    if (!url || url->credentials || std::any_of(text.begin(), text.end(), unfit)) return {};
    return http::without_slash_at_end(std::move(text));
}

} // namespace cachefill::cache
