#include "cache/s3_parts.hpp"

#include "async/together.hpp"
#include "base/clock_moment.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "cache/aws_keys.hpp"
#include "cache/s3_part_stream.hpp"
#include "cache/s3_reply.hpp"
#include "http/retry_after.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace cachefill::cache {

using async::Task;

namespace {

constexpr std::chrono::hours surely_dead{24};
constexpr std::chrono::seconds for_clearing_away{10};
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

std::unique_ptr<FileStream> S3Parts::begin_stream(http::Request put) {
    return std::make_unique<S3PartStream>(executor_, multipart_, std::move(put));
}

Task<Result<http::Response>> S3Parts::send_in_parts(const http::Request& request, std::uint64_t size) {
    auto part_size = std::max(settings_.part_size, (size + S3Multipart::most_parts - 1) / S3Multipart::most_parts);
    Sending sending(request, size, part_size, executor_);
    CO_TRY(upload, co_await multipart_.start(request));
    sending.upload = std::move(upload);
    CutOff cut_off(cut_off_, sending.upload);
    auto send_all = [&](async::TaskGroup& group) {
        for (std::size_t i = 0; i < std::min(parts_in_flight, sending.etags.size()); ++i)
            group.spawn(send_parts(sending));
    };
    co_await async::together(sending.group, send_all);
    if (sending.failure) co_return std::move(*sending.failure);
    CO_TRY_VOID(co_await multipart_.complete(sending.upload, sending.etags, size));
    cut_off.is_whole();
    http::Response response;
    response.status = 200;
    co_return response;
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
    std::shared_ptr<const std::string> bytes;
    if (sending.request.body_file.empty()) {
        bytes = std::make_shared<const std::string>(sending.request.body->substr(offset, size));
    } else {
        auto work = [path = sending.request.body_file, offset, size] { return read_slice(path, offset, size); };
        CO_TRY(slice, co_await workers_.run(std::move(work)));
        bytes = std::make_shared<const std::string>(std::move(slice));
    }
    co_return co_await multipart_.put_part(sending.upload, index, std::move(bytes));
}

Task<void> S3Parts::abort_cut_off() {
    while (!cut_off_.empty()) {
        auto upload = std::move(cut_off_.back());
        cut_off_.pop_back();
        co_await multipart_.abort(std::move(upload));
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
        co_await multipart_.abort(std::move(left));
        ++count;
    }
    co_return count;
}

Task<std::size_t> S3Parts::abort_listed(std::string start, bool of_all) {
    http::Request list(http::Method::get, settings_.base + "?prefix=" + percent_encode(start) + "&uploads=");
    list.deadlines.total = for_clearing_away;
    auto response = co_await client_.send(std::move(list));
    if (!response || !response->is_success()) co_return 0;
    auto date = response->find_header("Date");
    auto now = date ? http::parse_http_date(trim(*date)) : std::nullopt;
    std::size_t count = 0;
    for (auto upload : find_elements(response->body, "Upload")) {
        auto initiated = parse_utc(find_element(upload, "Initiated"));
        auto key = find_element(upload, "Key");
        bool is_dead = of_all || (now && initiated && *initiated < *now - surely_dead);
        if (!is_dead || !key.starts_with(start)) continue;
        Started old;
        old.url = settings_.base + "/" + key;
        old.id = find_element(upload, "UploadId");
        co_await multipart_.abort(std::move(old));
        ++count;
    }
    co_return count;
}

} // namespace cachefill::cache
