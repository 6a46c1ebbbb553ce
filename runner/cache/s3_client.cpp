#include "cache/s3_client.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "codec/hash.hpp"
#include "http/retry_after.hpp"
#include "http/status.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace cachefill::cache {

using async::Task;
using std::chrono::seconds;
using std::chrono::system_clock;

namespace {

constexpr std::size_t hashed_at_once = 64 << 10; // by the loop itself
// S3 bears a quarter of an hour; what is less than this is no wrong clock.
constexpr seconds notable_offset{60};

std::string hex_sha256(std::string_view bytes) {
    return codec::hash_bytes(codec::HashAlgorithm::sha256, bytes).to_base16();
}

Result<std::string> hash_file(const std::filesystem::path& path) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return errno_failure("cannot open", path, errno);
    codec::Hasher hasher(codec::HashAlgorithm::sha256);
    std::array<char, 128 << 10> buffer;
    for (;;) {
        auto size = ::read(file.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno_failure("cannot read", path, errno);
        if (size == 0) return hasher.finish().to_base16();
        hasher.update({buffer.data(), static_cast<std::size_t>(size)});
    }
}

} // namespace

bool S3Client::is_ours(const http::Request& request) const {
    if (request.logins == http::Logins::none || !request.url.starts_with(settings_.base)) return false;
    auto rest = std::string_view(request.url).substr(settings_.base.size());
    return rest.empty() || rest.front() == '/' || rest.front() == '?';
}

Task<Result<std::string>> S3Client::hash_body(const http::Request& request) {
    if (!request.body_file.empty()) {
        auto work = [path = request.body_file] { return hash_file(path); };
        co_return co_await workers_.run(std::move(work));
    }
    if (!request.body || request.body->size() <= hashed_at_once)
        co_return hex_sha256(request.body ? std::string_view(*request.body) : std::string_view());
    auto work = [body = request.body] { return hex_sha256(*body); };
    co_return co_await workers_.run(std::move(work));
}

bool S3Client::takes_clock_of(const http::Response& response) {
    auto header = response.find_header("Date");
    auto date = header ? http::parse_http_date(trim(*header)) : std::nullopt;
    if (!date) return false;
    auto offset = std::chrono::duration_cast<seconds>(*date - clock_.wall_time());
    if (std::chrono::abs(offset - clock_offset_) < notable_offset) return false;
    clock_offset_ = offset;
    clock_note_ = "the clock of this machine is " +
                  human_duration(std::chrono::round<std::chrono::minutes>(std::chrono::abs(offset))) +
                  (offset.count() > 0 ? " behind" : " ahead of") + " that of " + settings_.party.server +
                  ", which is gone by to sign what is sent there";
    return true;
}

// HEAD has no body that could say why.
bool S3Client::is_worth_another_try(const http::Request& request, const http::Response& response) {
    auto code = parse_s3_error(response).code;
    bool says_nothing = request.method == http::Method::head && code.empty();
    bool is_skewed = code == "RequestTimeTooSkewed" || (says_nothing && response.status == 403);
    if (is_skewed && takes_clock_of(response)) return true;
    bool has_ended = code == "ExpiredToken" || code == "TokenRefreshRequired";
    return (has_ended || (says_nothing && response.status == 400)) && keys_.forget();
}

Task<Result<http::Response>> S3Client::send(http::Request request) {
    if (!is_ours(request)) co_return co_await client_.send(std::move(request));
    request.bearer.reset();
    request.follow_redirects = false; // a signature is for one host
    bool is_whole = request.method == http::Method::put && request.url.find('?') == request.url.npos;
    bool is_stored = is_whole || (request.method == http::Method::post && request.url.ends_with("?uploads="));
    if (is_stored && !settings_.storage_class.empty())
        request.headers.push_back({"x-amz-storage-class", settings_.storage_class});
    CO_TRY(hash, co_await hash_body(request));
    for (bool is_first = true;; is_first = false) {
        CO_TRY(key, co_await keys_.get());
        auto sent = request;
        sent.logins = http::Logins::none; // netrc's are for other servers
        AwsScope scope{settings_.party.region, "s3"};
        if (key) CO_TRY_VOID(sign_for_s3(sent, hash, *key, scope, clock_.wall_time() + clock_offset_));
        CO_TRY(response, co_await client_.send(std::move(sent)));
        if (is_first && !response.is_success() && is_worth_another_try(request, response)) continue;
        auto party = settings_.party;
        party.key_source = key ? key->source : std::string();
        if (auto failure = explain_s3_error(request, response, party)) co_return std::move(*failure);
        if (response.status == 401 || response.status == 403)
            refusal_ = http::status_failure(request, response).cause();
        co_return response;
    }
}

} // namespace cachefill::cache
