#include "cache/s3_parts.hpp"

#include "async/retry.hpp"
#include "async/together.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "cache/aws_keys.hpp"
#include "cache/s3_reply.hpp"
#include "http/retry_after.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace cachefill::cache {

using async::Task;

namespace {

constexpr std::uint64_t most_parts = 10'000;
constexpr std::chrono::hours surely_dead{24};
constexpr std::chrono::seconds for_clearing_away{10};
constexpr std::chrono::minutes for_joining{10};
constexpr std::string_view our_files = "nar/";

Result<std::string> read_slice(const std::filesystem::path& path, std::uint64_t offset, std::uint64_t size) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return errno_failure("cannot open", path, errno);
    std::string bytes(static_cast<std::size_t>(size), '\0');
    for (std::size_t got = 0; got < bytes.size();) {
        auto count = ::pread(file.get(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(offset + got));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno_failure("cannot read", path, errno);
        if (count == 0) return Failure(FailureKind::machine, path.string() + " has become shorter");
        got += static_cast<std::size_t>(count);
    }
    return bytes;
}

std::uint64_t size_of(const http::Request& request) {
    if (request.body_file.empty()) return request.body ? request.body->size() : 0;
    std::error_code error;
    auto size = std::filesystem::file_size(request.body_file, error);
    return error ? 0 : size;
}

http::Request about(http::Method method, const std::string& url, const std::string& query) {
    return http::Request(method, url + "?" + query);
}

std::string upload_id(const std::string& id) { return "uploadId=" + percent_encode(id); }

} // namespace

// One file on its way.
struct S3Parts::Sending {
    Sending(const http::Request& r, std::uint64_t s, std::uint64_t p, async::Executor executor)
        : request(r), size(s), part_size(p), etags(static_cast<std::size_t>((s + p - 1) / p)), group(executor) {}
    const http::Request& request;
    std::uint64_t size;
    std::uint64_t part_size;
    Started upload;
    std::vector<std::string> etags; // as the server gave them
    std::size_t next = 0;
    std::optional<Failure> failure; // the first
    bool is_gone = false;           // as is the upload: nothing but a new one helps
    async::TaskGroup group;
};

// Notes an upload that ends without having become a file, however it ends.
class S3Parts::CutOff {
  public:
    CutOff(std::vector<Started>& cut_off, const Started& upload) : cut_off_(cut_off), upload_(upload) {}
    CutOff(const CutOff&) = delete;
    CutOff& operator=(const CutOff&) = delete;
    ~CutOff() {
        if (!is_whole_) cut_off_.push_back(upload_);
    }
    void is_whole() { is_whole_ = true; }

  private:
    std::vector<Started>& cut_off_;
    const Started& upload_;
    bool is_whole_ = false;
};

Task<Result<http::Response>> S3Parts::send(http::Request request) {
    auto size = request.method == http::Method::put ? size_of(request) : 0;
    if (size <= settings_.larger_than) co_return co_await client_.send(std::move(request));
    auto sent = co_await send_in_parts(request, size);
    if (!sent) co_await abort_cut_off();
    co_return sent;
}

Task<Result<http::Response>> S3Parts::send_in_parts(const http::Request& request, std::uint64_t size) {
    auto part_size = std::max(settings_.part_size, (size + most_parts - 1) / most_parts);
    Sending sending(request, size, part_size, executor_);
    sending.upload.url = request.url;
    UploadNote::Text text{request.url, {}};
    auto note = [directory = settings_.notes, text] { return UploadNote::write(directory, text); };
    sending.upload.note = co_await workers_.run(std::move(note));
    CO_TRY(id, co_await start(request));
    if (sending.upload.note) sending.upload.note->set_id(id);
    sending.upload.id = std::move(id);
    CutOff cut_off(cut_off_, sending.upload);
    auto send_all = [&](async::TaskGroup& group) {
        for (std::size_t i = 0; i < std::min(parts_in_flight, sending.etags.size()); ++i)
            group.spawn(send_parts(sending));
    };
    co_await async::together(sending.group, send_all);
    if (sending.is_gone)
        co_return Failure(FailureKind::network, "somebody has cleared the upload away while it was under way");
    if (sending.failure) co_return std::move(*sending.failure);
    auto told = co_await complete(sending);
    CO_TRY_VOID(co_await check_size(sending, std::move(told)));
    cut_off.is_whole();
    http::Response response;
    response.status = 200;
    co_return response;
}

Task<Result<std::string>> S3Parts::start(const http::Request& request) {
    auto post = about(http::Method::post, request.url, "uploads=");
    post.headers = request.headers;
    auto attempt = [&]() -> Task<Result<std::string>> {
        auto sent = post;
        CO_TRY(response, co_await client_.send(std::move(sent)));
        if (!response.is_success()) co_return http::status_failure(post, response);
        auto id = find_element(response.body, "UploadId");
        if (id.empty()) co_return Failure(FailureKind::protocol, "the server began an upload in parts without a name");
        co_return id;
    };
    co_return co_await async::with_retry(settings_.retry, random_, attempt);
}

Task<void> S3Parts::send_parts(Sending& sending) {
    while (!sending.failure && sending.next < sending.etags.size()) {
        auto index = sending.next++;
        auto turn = co_await parts_at_once_.acquire();
        auto etag = co_await send_part(sending, index);
        if (etag) {
            sending.etags[index] = *std::move(etag);
            continue;
        }
        if (sending.failure) co_return;
        sending.failure = std::move(etag).error().with_context("sending part " + std::to_string(index + 1) + " of " +
                                                               std::to_string(sending.etags.size()));
        sending.group.cancel();
    }
}

Task<Result<std::string>> S3Parts::send_part(Sending& sending, std::size_t index) {
    auto offset = index * sending.part_size;
    auto size = std::min(sending.part_size, sending.size - offset);
    auto put = about(http::Method::put, sending.upload.url,
                     "partNumber=" + std::to_string(index + 1) + "&" + upload_id(sending.upload.id));
    auto shown = put;
    if (sending.request.body_file.empty()) {
        put.body = std::make_shared<const std::string>(sending.request.body->substr(offset, size));
    } else {
        auto work = [path = sending.request.body_file, offset, size] { return read_slice(path, offset, size); };
        CO_TRY(bytes, co_await workers_.run(std::move(work)));
        put.body = std::make_shared<const std::string>(std::move(bytes));
    }
    auto attempt = [&]() -> Task<Result<std::string>> {
        auto sent = put;
        CO_TRY(response, co_await client_.send(std::move(sent)));
        if (response.status == 404) sending.is_gone = true;
        if (!response.is_success()) co_return http::status_failure(shown, response);
        auto etag = response.find_header("ETag");
        if (!etag) co_return Failure(FailureKind::protocol, "the server took a part and gave it no ETag");
        co_return std::string(*etag);
    };
    co_return co_await async::with_retry(settings_.retry, random_, attempt);
}

// It may say 200 and then, in the body, that it failed.
Task<Result<void>> S3Parts::complete(const Sending& sending) {
    std::string body = "<CompleteMultipartUpload>";
    for (std::size_t i = 0; i < sending.etags.size(); ++i)
        body +=
            "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + sending.etags[i] + "</ETag></Part>";
    body += "</CompleteMultipartUpload>";
    auto post = about(http::Method::post, sending.upload.url, upload_id(sending.upload.id));
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
    co_return co_await async::with_retry(settings_.retry, random_, attempt);
}

// What *complete* says proves nothing: an answer to an earlier try may have been lost, and some servers say yes to
// anything. So the file itself is looked at.
Task<Result<void>> S3Parts::check_size(const Sending& sending, Result<void> told) {
    http::Request head(http::Method::head, sending.upload.url);
    auto response = co_await client_.send(std::move(head));
    bool is_absent = response && response->status == 404;
    if (is_absent && told) told = Failure(FailureKind::network, "the server joined the parts, and has no such file");
    auto length = response && response->is_success() ? response->find_header("Content-Length") : std::nullopt;
    if (!length) co_return told; // it does not tell
    auto size = parse_u64(trim(*length));
    if (size == sending.size) co_return Result<void>();
    if (!told) co_return told;
    co_return Failure(FailureKind::network, "the server joined the parts to " + std::string(trim(*length)) +
                                                " bytes instead of " + std::to_string(sending.size));
}

Task<void> S3Parts::abort(Started upload) {
    auto request = about(http::Method::del, upload.url, upload_id(upload.id));
    request.deadlines.total = for_clearing_away;
    auto ignored = co_await client_.send(std::move(request)); // what stays is old one day
    static_cast<void>(ignored);
}

Task<void> S3Parts::abort_cut_off() {
    while (!cut_off_.empty()) {
        auto upload = std::move(cut_off_.back());
        cut_off_.pop_back();
        co_await abort(std::move(upload));
    }
}

Task<std::size_t> S3Parts::abort_left() {
    auto noted = co_await abort_noted();
    auto old = co_await abort_listed(std::string(our_files), false);
    co_return noted + old;
}

// Killed before it knew the name of its upload, it is one of those of that file. Should somebody else send the same
// just now, he begins anew.
Task<std::size_t> S3Parts::abort_noted() {
    auto start = settings_.base + "/" + std::string(our_files);
    auto find = [directory = settings_.notes, start] { return UploadNote::find_left(directory, start); };
    auto notes = co_await workers_.run(std::move(find));
    std::size_t count = 0;
    for (auto& note : notes) {
        Started left;
        left.url = note->text().url;
        left.id = note->text().id;
        left.note = std::move(note);
        if (left.id.empty()) {
            count += co_await abort_listed(left.url.substr(settings_.base.size() + 1), true);
            continue;
        }
        co_await abort(std::move(left));
        ++count;
    }
    co_return count;
}

Task<std::size_t> S3Parts::abort_listed(std::string start, bool of_all) {
    auto list = about(http::Method::get, settings_.base, "prefix=" + percent_encode(start) + "&uploads=");
    list.deadlines.total = for_clearing_away;
    auto response = co_await client_.send(std::move(list));
    if (!response || !response->is_success()) co_return 0;
    auto date = response->find_header("Date");
    auto now = date ? http::parse_http_date(trim(*date)) : std::nullopt;
    std::size_t count = 0;
    for (auto upload : find_elements(response->body, "Upload")) {
        auto initiated = parse_aws_date(find_element(upload, "Initiated"));
        auto key = find_element(upload, "Key");
        bool is_dead = of_all || (now && initiated && *initiated < *now - surely_dead);
        if (!is_dead || !key.starts_with(start)) continue;
        Started old;
        old.url = settings_.base + "/" + key;
        old.id = find_element(upload, "UploadId");
        co_await abort(std::move(old));
        ++count;
    }
    co_return count;
}

} // namespace cachefill::cache
