#include "unit/cache/s3_backend.hpp"

#include "base/text.hpp"
#include "cache/s3_reply.hpp"
#include "codec/hash.hpp"

#include <ctime>

namespace cachefill::test {

namespace {

cache::AwsKey test_key() {
    cache::AwsKey key;
    key.id = "AKTEST";
    key.secret = Secret("secret/of+a=test");
    key.source = "AWS_ACCESS_KEY_ID";
    return key;
}

std::string sha256(std::string_view text) { return codec::hash_bytes(codec::HashAlgorithm::sha256, text).to_base16(); }

http::Method method_of(const std::string& name) {
    using http::Method;
    for (auto method : {Method::get, Method::head, Method::put, Method::post, Method::del})
        if (http::to_string(method) == name) return method;
    return Method::patch;
}

std::string parameter(const std::string& query, const std::string& name) {
    for (auto piece : split(std::string_view(query), '&'))
        if (piece.starts_with(name + "=")) return std::string(piece.substr(name.size() + 1));
    return {};
}

std::string in_words(std::chrono::system_clock::time_point time) {
    auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

} // namespace

S3Backend::S3Backend(const std::filesystem::path&)
    : server_([this](const HttpRequest& request) { return handle(request); }) {}

cache::Credentials S3Backend::credentials() const {
    cache::Credentials credentials;
    credentials.signing_key = key_;
    credentials.aws.key = test_key();
    return credentials;
}

void S3Backend::intercept(std::function<std::optional<HttpReply>(const HttpRequest&)> before) {
    std::lock_guard lock(mutex_);
    before_ = std::move(before);
}

void S3Backend::lose_next_reply(const std::string& method, const std::string& path) {
    std::lock_guard lock(mutex_);
    lost_ = method + " /nix" + path;
}

std::map<std::string, std::string> S3Backend::files() const {
    std::lock_guard lock(mutex_);
    return files_;
}

void S3Backend::put(const std::string& path, std::string content) {
    std::lock_guard lock(mutex_);
    files_[path] = std::move(content);
}

std::size_t S3Backend::open_uploads() const {
    std::lock_guard lock(mutex_);
    return uploads_.size();
}

void S3Backend::set_clock(std::chrono::seconds offset) {
    std::lock_guard lock(mutex_);
    clock_ = offset;
}

HttpReply S3Backend::error(int status, const std::string& code, const std::string& more) {
    HttpReply reply(status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
                                "</Code><Message>told by the test</Message>" + more + "</Error>");
    reply.headers.emplace_back("Content-Type", "application/xml");
    return reply;
}

std::optional<HttpReply> S3Backend::refuse(const HttpRequest& request) const {
    auto authorization = request.header("Authorization");
    if (authorization.empty()) return error(403, "AccessDenied");
    auto time = request.header("x-amz-date");
    auto now = std::chrono::system_clock::now() + clock_;
    constexpr std::chrono::minutes borne{15};
    if (time < cache::aws_time(now - borne) || time > cache::aws_time(now + borne))
        return error(403, "RequestTimeTooSkewed");
    if (request.header("x-amz-content-sha256") != sha256(request.body)) return error(400, "XAmzContentSHA256Mismatch");
    auto start = authorization.find("SignedHeaders=") + 14;
    auto names = authorization.substr(start, authorization.find(',', start) - start);
    std::vector<http::Header> headers;
    for (auto name : split(std::string_view(names), ';')) headers.push_back({std::string(name), request.header(name)});
    auto canonical =
        cache::canonical_request(method_of(request.method), request.target, std::move(headers), sha256(request.body));
    cache::AwsScope scope{region, "s3"};
    if (authorization != cache::aws_authorization(canonical, test_key(), scope, time))
        return error(403, "SignatureDoesNotMatch");
    return {};
}

HttpReply S3Backend::handle(const HttpRequest& request) {
    std::lock_guard lock(mutex_);
    auto reply = [&] {
        if (before_)
            if (auto instead = before_(request)) return *instead;
        if (auto refusal = refuse(request)) return *refusal;
        auto path = request.path();
        if (path != "/nix" && !path.starts_with("/nix/")) return error(404, "NoSuchBucket");
        return answer(request, path.substr(4));
    }();
    reply.headers.emplace_back("Date", in_words(std::chrono::system_clock::now() + clock_));
    if (request.method == "HEAD" && reply.status >= 300) reply.body.clear();
    if (lost_ == request.method + " " + request.target) {
        lost_.clear();
        reply.faults.reset_after = 10; // not before its first byte: that the client would take for a stale connection
    }
    return reply;
}

HttpReply S3Backend::answer(const HttpRequest& request, const std::string& path) {
    auto question = request.target.find('?');
    if (question != std::string::npos) return answer_parts(request, path, request.target.substr(question + 1));
    auto file = files_.find(path);
    if (request.method == "PUT") {
        if (request.header("If-None-Match") == "*" && file != files_.end()) return error(412, "PreconditionFailed");
        files_[path] = request.body;
        return HttpReply(200);
    }
    return file == files_.end() ? error(404, "NoSuchKey") : HttpReply(200, file->second);
}

HttpReply S3Backend::answer_parts(const HttpRequest& request, const std::string& path, const std::string& query) {
    if (path.empty() && request.method == "GET") return list();
    if (request.method == "POST" && query == "uploads=") {
        auto id = "upload/" + std::to_string(++next_upload_);
        auto& upload = uploads_[percent_encode(id)];
        upload.id = id;
        upload.path = path;
        return HttpReply(200, "<InitiateMultipartUploadResult><UploadId>" + id +
                                  "</UploadId></InitiateMultipartUploadResult>");
    }
    auto found = uploads_.find(parameter(query, "uploadId"));
    if (found == uploads_.end() || found->second.path != path) return error(404, "NoSuchUpload");
    if (request.method == "DELETE") {
        uploads_.erase(found);
        return HttpReply(204);
    }
    if (request.method == "POST") {
        auto reply = complete(request, found->second);
        if (reply.status == 200) uploads_.erase(found);
        return reply;
    }
    auto number = std::stoi(parameter(query, "partNumber"));
    found->second.parts[number] = request.body;
    HttpReply reply(200);
    reply.headers.emplace_back("ETag", "\"" + sha256(request.body).substr(0, 32) + "\"");
    return reply;
}

HttpReply S3Backend::complete(const HttpRequest& request, Parts& upload) {
    std::string whole;
    int last = 0;
    for (auto part : cache::find_elements(request.body, "Part")) {
        auto number = std::stoi(cache::find_element(part, "PartNumber"));
        auto sent = upload.parts.find(number);
        bool is_it = sent != upload.parts.end() &&
                     cache::find_element(part, "ETag") == "\"" + sha256(sent->second).substr(0, 32) + "\"";
        if (!is_it) return error(400, "InvalidPart");
        if (number <= last) return error(400, "InvalidPartOrder");
        last = number;
        whole += sent->second;
    }
    files_[upload.path] = whole;
    return HttpReply(200, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>");
}

HttpReply S3Backend::list() const {
    std::string text = "<ListMultipartUploadsResult>";
    for (const auto& [encoded, upload] : uploads_)
        text += "<Upload><Key>" + upload.path.substr(1) + "</Key><UploadId>" + upload.id + "</UploadId><Initiated>" +
                upload.initiated + "</Initiated></Upload>";
    return HttpReply(200, text + "</ListMultipartUploadsResult>");
}

} // namespace cachefill::test
