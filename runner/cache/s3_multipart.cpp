#include "cache/s3_multipart.hpp"

#include "async/retry.hpp"
#include "base/text.hpp"
#include "cache/s3_reply.hpp"

namespace cachefill::cache {

using async::Task;

namespace {

constexpr std::chrono::seconds for_clearing_away{10};
constexpr std::chrono::minutes for_joining{10};

http::Request about(http::Method method, const std::string& url, const std::string& query) {
    return http::Request(method, url + "?" + query);
}

std::string upload_id(const std::string& id) { return "uploadId=" + percent_encode(id); }

} // namespace

Task<Result<S3Multipart::Started>> S3Multipart::start(const http::Request& put) {
    Started upload;
    upload.url = put.url;
    UploadNote::Text text{put.url, {}};
    auto note = [directory = notes_, text] { return UploadNote::write(directory, text); };
    upload.note = co_await workers_.run(std::move(note));
    auto post = about(http::Method::post, put.url, "uploads=");
    post.headers = put.headers;
    auto attempt = [&]() -> Task<Result<std::string>> {
        auto sent = post;
        CO_TRY(response, co_await client_.send(std::move(sent)));
        if (!response.is_success()) co_return http::status_failure(post, response);
        auto id = find_element(response.body, "UploadId");
        if (id.empty()) co_return Failure(FailureKind::protocol, "the server began an upload in parts without a name");
        co_return id;
    };
    CO_TRY(id, co_await async::with_retry(retry_, random_, attempt));
    if (upload.note) upload.note->set_id(id);
    upload.id = std::move(id);
    co_return upload;
}

Task<Result<std::string>> S3Multipart::put_part(const Started& upload, std::size_t index,
                                                std::shared_ptr<const std::string> bytes) {
    auto shown =
        about(http::Method::put, upload.url, "partNumber=" + std::to_string(index + 1) + "&" + upload_id(upload.id));
    auto put = shown;
    put.body = std::move(bytes);
    auto attempt = [&]() -> Task<Result<std::string>> {
        auto sent = put;
        CO_TRY(response, co_await client_.send(std::move(sent)));
        if (!response.is_success()) co_return http::status_failure(shown, response);
        auto etag = response.find_header("ETag");
        if (!etag) co_return Failure(FailureKind::protocol, "the server took a part and gave it no ETag");
        co_return std::string(*etag);
    };
    auto etag = co_await async::with_retry(retry_, random_, attempt);
    if (!etag && etag.error().http_status() == 404)
        co_return Failure(FailureKind::network, "somebody has cleared the upload away while it was under way");
    co_return etag;
}

Task<Result<void>> S3Multipart::complete(const Started& upload, const std::vector<std::string>& etags,
                                         std::uint64_t size) {
    auto told = co_await join(upload, etags);
    co_return co_await check_size(upload, size, std::move(told));
}

// It may say 200 and then, in the body, that it failed.
Task<Result<void>> S3Multipart::join(const Started& upload, const std::vector<std::string>& etags) {
    std::string body = "<CompleteMultipartUpload>";
    for (std::size_t i = 0; i < etags.size(); ++i)
        body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + etags[i] + "</ETag></Part>";
    body += "</CompleteMultipartUpload>";
    auto post = about(http::Method::post, upload.url, upload_id(upload.id));
    auto shown = post;
    post.headers.push_back({"Content-Type", "application/xml"});
    post.deadlines.first_byte = post.deadlines.total = for_joining;
    post.body = std::make_shared<const std::string>(std::move(body));
    auto attempt = [&]() -> Task<Result<void>> {
        auto sent = post;
        CO_TRY(response, co_await client_.send(std::move(sent)));
        if (!response.is_success()) co_return http::status_failure(shown, response);
        auto error = parse_s3_error(response);
        if (error.code.empty()) co_return Result<void>();
        co_return Failure(FailureKind::network,
                          "the server could not join the parts: " + error.code + " (" + error.message + ")");
    };
    co_return co_await async::with_retry(retry_, random_, attempt);
}

// What *complete* says proves nothing: an answer to an earlier try may have been lost, and some servers say yes to
// anything. So the file itself is looked at.
Task<Result<void>> S3Multipart::check_size(const Started& upload, std::uint64_t size, Result<void> told) {
    http::Request head(http::Method::head, upload.url);
    auto response = co_await client_.send(std::move(head));
    bool is_absent = response && response->status == 404;
    if (is_absent && told) told = Failure(FailureKind::network, "the server joined the parts, and has no such file");
    auto length = response && response->is_success() ? response->find_header("Content-Length") : std::nullopt;
    if (!length) co_return told; // it does not tell
    auto has = parse_u64(trim(*length));
    if (has == size) co_return Result<void>();
    if (!told) co_return told;
    co_return Failure(FailureKind::network, "the server joined the parts to " + std::string(trim(*length)) +
                                                " bytes instead of " + std::to_string(size));
}

Task<void> S3Multipart::abort(Started upload) {
    auto request = about(http::Method::del, upload.url, upload_id(upload.id));
    request.deadlines.total = for_clearing_away;
    auto ignored = co_await client_.send(std::move(request)); // what stays is old one day
    static_cast<void>(ignored);
}

} // namespace cachefill::cache
