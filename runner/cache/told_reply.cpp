#include "cache/told_reply.hpp"

#include "base/text.hpp"
#include "cache/narinfo_record.hpp"
#include "http/status.hpp"
#include "http/url.hpp"

#include <algorithm>

namespace cachefill::cache {

Failure nonsense_answer(const http::Response& response, std::string_view what, std::string hint) {
    auto place = response.blotted(redact_url(response.effective_url));
    if (looks_like_html(response.body))
        return Failure(FailureKind::protocol, place + " answered HTML instead of JSON").with_hint(html_hint);
    // Blotted before it is cut, or a part of a token would stay.
    auto start = ellipsize(sanitize(response.blotted(response.body).substr(0, 200)), 120);
    auto status = response.status == 200 ? std::string() : " with " + http::status_name(response.status);
    return Failure(FailureKind::protocol, place + " answered " + std::string(what) + status + ": '" + start + "'")
        .with_hint(std::move(hint));
}

std::optional<std::string> plain_address(std::string text) {
    auto unfit = [](unsigned char c) {
        return c <= ' ' || c >= 127 ||
               std::string_view("#?\"'\\$").find(static_cast<char>(c)) != std::string_view::npos;
    };
    auto url = http::parse_url(text);
    if (!url || url->credentials || std::any_of(text.begin(), text.end(), unfit)) return {};
    while (text.ends_with('/')) text.pop_back();
    return text;
}

} // namespace cachefill::cache
