#include "http/status.hpp"

#include "base/quoted_reply.hpp"
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

// What stands between <tag> and </tag>, whatever the case.
std::string_view inside(std::string_view page, const std::string& tag) {
    auto lower = to_lower(page);
    auto start = lower.find("<" + tag + ">");
    if (start == std::string::npos) return {};
    start += tag.size() + 2;
    auto end = lower.find("</" + tag + ">", start);
    return page.substr(start, end == std::string::npos ? 0 : end - start);
}

// Of a page in HTML only its title tells something, of an error of object stores its message.
std::string_view words_of_markup(std::string_view page) {
    for (const auto* tag : {"title", "message", "code"})
        if (auto words = trim(inside(page, tag)); !words.empty()) return words;
    return {};
}

// Short and harmless: the first line of a text, JSON in one line.
std::string excerpt(const Response& response) {
    // Blotted before it is cut, or a part of a token would stay.
    const auto blotted = response.blotted(response.body.substr(0, 64 << 10));
    auto body = trim(std::string_view(blotted));
    if (body.find('\0') != std::string_view::npos) return {};
    auto type = to_lower(response.find_header("Content-Type").value_or(""));
    bool is_markup = type.starts_with("text/html") || body.starts_with('<');
    bool is_json = body.starts_with('{') || body.starts_with('[');
    if (is_markup) body = words_of_markup(body);
    if (!is_json && !is_markup) body = body.substr(0, body.find('\n'));
    std::string line;
    for (auto word : split_words(body)) {
        if (!line.empty()) line += ' ';
        line += word;
    }
    return quoted_reply(line, longest_excerpt);
}

} // namespace

std::string status_name(int status) {
    auto name = std::to_string(status);
    auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    if (reason != "<unknown-status>") name += " " + std::string(reason.data(), reason.size());
    return name;
}

bool is_redirect(int status) { return status >= 300 && status < 400 && status != 304; }

std::string shown_address(const Request& request, std::string_view url) {
    // Of an answer's own the host may have been blotted, too.
    auto shown = sanitize(redact_url(request.is_address_secret ? request.url : url));
    if (!request.is_address_secret) return shown;
    auto scheme = shown.find("://");
    auto way = shown.find_first_of("/?#", scheme == shown.npos ? 0 : scheme + 3);
    return shown.substr(0, way) + "/…";
}

Failure status_failure(const Request& request, const Response& response) {
    auto url = response.effective_url.empty() ? request.url : response.effective_url;
    std::string cause = std::string(to_string(request.method)) + " " + shown_address(request, url) + " answered " +
                        status_name(response.status);
    if (is_redirect(response.status)) cause += ", a redirect that cannot be followed";
    if (auto text = excerpt(response); !text.empty()) cause += ": " + text;
    Failure failure(kind_of(response.status), response.blotted(cause));
    auto delay = find_retry_after(response, std::chrono::system_clock::now());
    if (delay) failure = std::move(failure).with_retry_after(*delay);
    return std::move(failure).with_http_status(response.status);
}

} // namespace cachefill::http
