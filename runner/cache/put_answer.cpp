#include "cache/put_answer.hpp"

#include "base/text.hpp"
#include "cache/credentials.hpp"

namespace cachefill::cache {

namespace {

// ncps (2026-08): "rejecting untrusted narinfo: narinfo has no trusted signature", with 500. A server that is merely
// out of order speaks of no signatures.
bool speaks_of_signatures(const http::Response& response) {
    auto words = to_lower(std::string_view(response.body).substr(0, 2048));
    return words.find("signature") != std::string::npos || words.find("untrusted") != std::string::npos;
}

bool is_page(const http::Response& response) {
    auto type = response.find_header("Content-Type");
    return !response.body.empty() && type && to_lower(*type).starts_with("text/html");
}

bool is_away(int status) {
    return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 505 && status != 511);
}

} // namespace

PutAnswer classify_put(const http::Response& response, bool conditional) {
    // A page with 200 may be a portal's or a proxy's own; with 201 it is how WebDAV servers (Apache) tell that they
    // keep it.
    bool is_kept = (response.status == 200 && !is_page(response)) || response.status == 201 || response.status == 204;
    if (response.is_success()) return is_kept ? PutAnswer::done : PutAnswer::unsure;
    switch (response.status) {
    case 409:
    case 412:
        return PutAnswer::exists;
    case 413:
        return PutAnswer::too_large;
    case 507:
        return PutAnswer::no_space;
    case 401:
    case 403:
    case 407:
        return PutAnswer::not_allowed;
    case 404:
    case 405:
    case 410:
        return PutAnswer::no_uploads;
    case 501:
        return conditional ? PutAnswer::unknown_condition : PutAnswer::no_uploads;
    case 400:
        if (conditional) return PutAnswer::unknown_condition;
        break;
    default:
        break;
    }
    if (response.status == 400 || response.status == 422 || response.status == 500)
        if (speaks_of_signatures(response)) return PutAnswer::bad_signature;
    return is_away(response.status) ? PutAnswer::away : PutAnswer::refused;
}

Failure put_failure(const http::Request& request, const http::Response& response, PutAnswer answer,
                    const std::string& cache) {
    auto failure = http::status_failure(request, response);
    auto say = [&](FailureKind kind, const std::string& what, const std::string& hint) {
        return Failure(kind, cache + " " + what + ": " + failure.cause())
            .with_http_status(response.status)
            .with_hint(hint);
    };
    switch (answer) {
    case PutAnswer::not_allowed:
        return say(FailureKind::auth, "did not let us write",
                   ways_to_log_in(request.url) + "; a Cachix cache is written as cachix://NAME");
    case PutAnswer::no_uploads:
        return say(FailureKind::auth, "does not take uploads by PUT here",
                   "if it takes them at another address, name that one, too: cache: {read: URL, push: URL}; a Cachix "
                   "cache is written as cachix://NAME");
    case PutAnswer::bad_signature:
        return say(FailureKind::usage, "does not trust the key that signs",
                   "tell the server the public half of the signing key, or sign with one that it knows");
    case PutAnswer::no_space:
        return say(FailureKind::auth, "has no space left", "make room there, then run again");
    case PutAnswer::too_large:
        return say(FailureKind::protocol, "takes no file as large as this",
                   "raise its limit (nginx: client_max_body_size), or that of the proxy before it");
    case PutAnswer::exists:
        return say(FailureKind::protocol, "never replaces a file", "");
    case PutAnswer::unsure:
        return say(FailureKind::protocol, "takes a file, does not say that it keeps it, and does not show it", "");
    case PutAnswer::away:
    case PutAnswer::done:
    case PutAnswer::unknown_condition:
    case PutAnswer::refused:
        break;
    }
    return failure;
}

bool is_last_word(const Failure& failure) {
    auto status = failure.http_status();
    return status >= 300 && !failure.can_heal() && status != 404 && status != 410;
}

} // namespace cachefill::cache
