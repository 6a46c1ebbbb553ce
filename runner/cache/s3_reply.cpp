#include "cache/s3_reply.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "http/retry_after.hpp"
#include "http/status.hpp"

#include <algorithm>

namespace cachefill::cache {

namespace {

constexpr std::size_t longest_message = 300;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

std::string unescaped(std::string_view inside) {
    std::string text(inside);
    constexpr std::pair<std::string_view, std::string_view> escapes[] = {
        {"&lt;", "<"},   {"&gt;", ">"},  {"&quot;", "\""}, {"&#34;", "\""},
        {"&apos;", "'"}, {"&#39;", "'"}, {"&amp;", "&"},
    };
    for (const auto& [escape, character] : escapes) text = replaced(std::move(text), escape, character);
    return text;
}

constexpr std::size_t longest_code = 64;

std::string one_line(std::string_view text) {
    std::string line;
    for (auto word : split_words(text)) line += (line.empty() ? "" : " ") + std::string(word);
    return quoted_reply(line, longest_message);
}

// A word, as all of them are; what a server says instead is no code.
std::string code_in(const std::string& text) {
    auto is_part = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    };
    bool is_code = text.size() <= longest_code && std::all_of(text.begin(), text.end(), is_part);
    return is_code ? text : std::string();
}

// What to do about `code`, and how bad it is.
struct Known {
    std::string_view code;
    FailureKind kind;
    std::string_view what; // BUCKET, SERVER, REGION, KEY are put in
    std::string_view hint;
};

constexpr std::string_view try_again = "";

constexpr Known known_codes[] = {
    {"NoSuchBucket", FailureKind::not_found, "there is no bucket 'BUCKET' at SERVER",
     "make it there, or correct its name or the endpoint in s3://BUCKET?endpoint=…"},
    {"InvalidBucketName", FailureKind::usage, "SERVER takes 'BUCKET' for no name of a bucket",
     "correct it in s3://BUCKET"},
    {"InvalidAccessKeyId", FailureKind::auth, "SERVER does not know the key in KEY",
     "is it of this server, and not deleted? For another profile write ?profile=NAME"},
    {"SignatureDoesNotMatch", FailureKind::auth, "SERVER says that the secret key does not belong to the key in KEY",
     "copy the secret key (AWS_SECRET_ACCESS_KEY) again; a proxy that changes the path or the host of what it passes "
     "on has the same effect"},
    {"ExpiredToken", FailureKind::auth, "the session of the key in KEY has ended", "log in anew, then run again"},
    {"TokenRefreshRequired", FailureKind::auth, "the session of the key in KEY has ended",
     "log in anew, then run again"},
    {"InvalidToken", FailureKind::auth, "SERVER refuses the session token that goes with the key in KEY",
     "AWS_SESSION_TOKEN belongs to another key, or is cut off"},
    {"RequestTimeTooSkewed", FailureKind::auth, "SERVER says that this machine's clock is wrong",
     "set the clock (timedatectl set-ntp true)"},
    {"AuthorizationHeaderMalformed", FailureKind::usage, "SERVER takes no signature for the region 'REGION'",
     "write the bucket's own as ?region=…"},
    {"PermanentRedirect", FailureKind::usage, "the bucket 'BUCKET' is not in the region 'REGION'",
     "write the bucket's own as ?region=…"},
    {"TemporaryRedirect", FailureKind::network, "SERVER does not yet know where the bucket 'BUCKET' is",
     "write its region as ?region=…; a new bucket takes up to a day to be known everywhere"},
    {"IllegalLocationConstraintException", FailureKind::usage, "the bucket 'BUCKET' is not in the region 'REGION'",
     "write the bucket's own as ?region=…"},
    {"AllAccessDisabled", FailureKind::auth, "the bucket 'BUCKET' has been closed at SERVER", "ask whoever owns it"},
    {"AccountProblem", FailureKind::auth, "SERVER has closed the account of the key in KEY", "ask whoever owns it"},
    {"NotSignedUp", FailureKind::auth, "the account of the key in KEY has no S3 at SERVER", "ask whoever owns it"},
    {"QuotaExceeded", FailureKind::auth, "the bucket 'BUCKET' has no space left", "make room there, then run again"},
    {"EntityTooLarge", FailureKind::protocol, "SERVER takes no file as large as this", ""},
    {"InvalidStorageClass", FailureKind::usage, "SERVER does not know the storage class",
     "correct ?storage-class=… or leave it out"},
    {"SlowDown", FailureKind::network, "SERVER is asked for too much at once", try_again},
    {"RequestTimeout", FailureKind::network, "SERVER waited in vain for the rest of what we sent", try_again},
    {"IncompleteBody", FailureKind::network, "SERVER got only a part of what we sent", try_again},
    {"BadDigest", FailureKind::network, "what SERVER got is not what we sent", try_again},
    {"XAmzContentSHA256Mismatch", FailureKind::network, "what SERVER got is not what we sent", try_again},
    {"InternalError", FailureKind::network, "SERVER had an error of its own", try_again},
    {"ServiceUnavailable", FailureKind::network, "SERVER is out of order", try_again},
    {"OperationAborted", FailureKind::network, "something else is being done to the bucket at SERVER", try_again},
    {"ConditionalRequestConflict", FailureKind::network, "somebody else writes the same object at SERVER", try_again},
};

std::string filled_in(std::string_view text, const S3Party& party) {
    auto key = party.key_source.empty() ? "the request" : party.key_source;
    auto filled = replaced(std::string(text), "'BUCKET'", "'" + party.bucket + "'");
    filled = replaced(std::move(filled), "s3://BUCKET", "s3://" + party.bucket);
    filled = replaced(std::move(filled), "SERVER", party.server);
    filled = replaced(std::move(filled), "REGION", party.region);
    return replaced(std::move(filled), " KEY", " " + key);
}

// With what was asked, and the server's own words.
std::string with_answer(const std::string& what, const http::Request& request, const http::Response& response,
                        const S3Error& error) {
    auto text = what + ": " + std::string(http::to_string(request.method)) + " " + sanitize(redact_url(request.url)) +
                " answered " + http::status_name(response.status);
    if (!error.code.empty()) text += " " + error.code;
    if (!error.message.empty()) text += " (" + error.message + ")";
    return response.blotted(text);
}

Failure denied(const http::Request& request, const http::Response& response, const S3Error& error,
               const S3Party& party) {
    auto subject = party.key_source.empty() ? "without a key " + party.name + " does not let us write"
                                            : "the key in " + party.key_source + " may not write to " + party.name;
    return Failure(FailureKind::auth, with_answer(subject, request, response, error))
        .with_http_status(response.status)
        .with_hint(party.key_source.empty()
                       ? "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile: ?profile=NAME"
                       : "it needs s3:GetObject, s3:PutObject, s3:AbortMultipartUpload and, best, s3:ListBucket there; "
                         "a bucket of another account says so, too");
}

bool is_reading(const http::Request& request) {
    return request.method == http::Method::get || request.method == http::Method::head;
}

} // namespace

std::vector<std::string_view> find_elements(std::string_view xml, std::string_view name) {
    std::vector<std::string_view> found;
    auto open = "<" + std::string(name);
    auto close = "</" + std::string(name) + ">";
    for (std::size_t at = 0; (at = xml.find(open, at)) != xml.npos;) {
        at += open.size();
        bool is_it = at < xml.size() && (xml[at] == '>' || xml[at] == ' ');
        auto begin = xml.find('>', at);
        if (!is_it || begin == xml.npos) continue;
        auto end = xml.find(close, begin);
        if (end == xml.npos) break;
        found.push_back(xml.substr(begin + 1, end - begin - 1));
        at = end + close.size();
    }
    return found;
}

std::string find_element(std::string_view xml, std::string_view name) {
    auto all = find_elements(xml, name);
    return all.empty() ? std::string() : unescaped(trim(all.front()));
}

S3Error parse_s3_error(const http::Response& response) {
    S3Error error;
    auto elements = find_elements(response.body, "Error");
    if (!elements.empty()) {
        error.code = code_in(find_element(elements.front(), "Code"));
        error.message = one_line(find_element(elements.front(), "Message"));
        error.region = one_line(find_element(elements.front(), "Region"));
    }
    if (auto region = response.find_header("x-amz-bucket-region"); region && error.region.empty())
        error.region = one_line(*region);
    return error;
}

std::optional<Failure> explain_s3_error(const http::Request& request, const http::Response& response,
                                        const S3Party& party) {
    if (response.is_success()) return {};
    auto error = parse_s3_error(response);
    bool is_redirect = response.status == 301 || response.status == 307 || response.status == 308;
    if (is_redirect && error.code.empty())
        error.code = response.status == 307 ? "TemporaryRedirect" : "PermanentRedirect";
    auto is_it = [&error](const Known& known) { return known.code == error.code; };
    const auto* known = std::find_if(std::begin(known_codes), std::end(known_codes), is_it);
    if (known == std::end(known_codes)) {
        // Some call it so when a key is not known, and that is no answer about a file.
        bool is_about_file = error.code.empty() || error.code == "NoSuchKey" || error.code == "NoSuchUpload";
        if (response.status == 404 && !is_about_file)
            return Failure(FailureKind::auth, with_answer(party.server + " refuses", request, response, error))
                .with_http_status(response.status)
                .with_hint("are the key, the bucket and the endpoint those of one server?");
        bool is_denied = response.status == 401 || response.status == 403;
        if (is_denied && !is_reading(request)) return denied(request, response, error, party);
        return {};
    }
    Failure failure(known->kind, with_answer(filled_in(known->what, party), request, response, error));
    auto hint = filled_in(known->hint, party);
    bool is_elsewhere = hint.find("?region=…") != hint.npos && !error.region.empty();
    if (is_elsewhere) hint = replaced(std::move(hint), "?region=…", "?region=" + error.region);
    if (!hint.empty()) failure = std::move(failure).with_hint(std::move(hint));
    auto delay = http::find_retry_after(response, std::chrono::system_clock::now());
    if (delay) failure = std::move(failure).with_retry_after(*delay);
    return std::move(failure).with_http_status(response.status);
}

} // namespace cachefill::cache
