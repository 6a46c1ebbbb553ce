#include "http/status.hpp"

#include "base/text.hpp"
#include "http/client.hpp"
#include "http/retry_after.hpp"

#include <boost/beast/http/status.hpp>

namespace cachefill::http {

namespace {

constexpr std::size_t longest_excerpt = 200;

FailureKind kind_of(int status) {
    switch (status) {
    case 401:
    case 403:
    case 407:
        return FailureKind::auth;
    case 404:
    case 410:
        return FailureKind::not_found;
    case 408:
    case 425:
    case 429:
        return FailureKind::network;
    case 501:
    case 505:
    case 511:
        return FailureKind::protocol;
    default:
        return status >= 500 ? FailureKind::network : FailureKind::protocol;
    }
}

// Of a page in HTML only its title tells something.
std::string_view title_of(std::string_view page) {
    auto lower = to_lower(page);
    auto start = lower.find("<title>");
    if (start == std::string::npos) return {};
    start += 7;
    auto end = lower.find("</title>", start);
    return page.substr(start, end == std::string::npos ? 0 : end - start);
}

std::string excerpt(const Response& response) {
    std::string_view body = response.body;
    body = body.substr(0, 4096);
    if (body.find('\0') != std::string_view::npos) return {};
    auto type = to_lower(response.find_header("Content-Type").value_or(""));
    if (type.starts_with("text/html")) body = title_of(body);
    std::string line;
    auto clean = sanitize(body);
    for (auto word : split_words(clean)) {
        if (!line.empty()) line += ' ';
        line += word;
    }
    return ellipsize(line, longest_excerpt);
}

} // namespace

std::string status_name(int status) {
    auto name = std::to_string(status);
    auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    if (reason != "<unknown-status>") name += " " + std::string(reason.data(), reason.size());
    return name;
}

Failure status_failure(const Request& request, const Response& response) {
    auto url = response.effective_url.empty() ? request.url : response.effective_url;
    std::string cause = std::string(to_string(request.method)) + " " + sanitize(redact_url(url)) + " answered " +
                        status_name(response.status);
    if (auto text = excerpt(response); !text.empty()) cause += ": " + text;
    Failure failure(kind_of(response.status), std::move(cause));
    auto delay = find_retry_after(response, std::chrono::system_clock::now());
    if (delay) failure = std::move(failure).with_retry_after(*delay);
    return std::move(failure).with_http_status(response.status);
}

} // namespace cachefill::http
