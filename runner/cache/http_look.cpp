// Whether a file is there and how long it is, without downloading it.
#include "base/text.hpp"
#include "cache/http_reader.hpp"
#include "cache/nar_look.hpp"
#include "http/client.hpp"
#include "http/status.hpp"

namespace cachefill::cache {

namespace {

// What comes out of it has another length than what is sent.
bool has_other_length(const http::Response& response) {
    auto encoding = response.find_header("Content-Encoding");
    return encoding && !trim(*encoding).empty() && !iequals(trim(*encoding), "identity");
}

// Of the stored bytes. What is encoded on its way has another length, and some answer HEAD with a zero.
std::optional<std::uint64_t> find_length(const http::Response& response) {
    if (has_other_length(response)) return {};
    auto length = response.find_header("Content-Length");
    return length ? parse_u64(trim(*length)) : std::nullopt;
}

// "bytes 0-23/4711", and "bytes */4711" where nothing of what was asked for exists.
std::optional<std::uint64_t> find_total(const http::Response& response) {
    if (has_other_length(response)) return {};
    auto range = response.find_header("Content-Range");
    if (!range) return {};
    auto slash = range->rfind('/');
    return slash == range->npos ? std::nullopt : parse_u64(trim(range->substr(slash + 1)));
}

// Rather than to send all of it, as a server may that knows no ranges.
bool refuses_range(const http::Response& response) {
    return response.status == 400 || response.status == 405 || response.status == 406 || response.status == 501;
}

} // namespace

bool says_encoding(const http::Response& response) {
    auto encoding = response.find_header("Content-Encoding");
    return encoding && !trim(*encoding).empty();
}

// Empty: it does not tell, as some answer HEAD for what they would not answer GET for, or the other way round.
async::Task<std::optional<FileLook>> HttpReader::look_at_head(std::string url, LookFor wanted) {
    auto head = request(http::Method::head, url);
    auto response = co_await client_.send(std::move(head));
    if (!response) co_return std::nullopt;
    FileLook look;
    if (wanted.absence && tells_by_head_ && (response->status == 404 || response->status == 410)) {
        look.answer = http::status_name(response->status);
        co_return look;
    }
    if (!is_file(*response)) co_return std::nullopt;
    auto ranges = response->find_header("Accept-Ranges");
    if (ranges && iequals(trim(*ranges), "bytes") && ranges_ == Ranges::untried) ranges_ = Ranges::promised;
    look.is_there = true;
    look.is_encoded = says_encoding(*response);
    look.size = find_length(*response);
    if (!look.size || *look.size == 0 || (wanted.size && *look.size != *wanted.size)) co_return std::nullopt;
    tells_by_head_ = true;
    co_return look;
}

async::Task<Result<http::Response>> HttpReader::get_beginning(std::string url, async::RetryPolicy policy) {
    for (bool ranged = ranges_ != Ranges::refused;; ranged = false) {
        auto get = request(http::Method::get, url);
        if (ranged) get.headers.push_back({"Range", "bytes=0-" + std::to_string(telling_bytes - 1)});
        get.headers.push_back({"Accept-Encoding", "identity"}); // else there would be no length
        get.enough = telling_bytes;
        auto any_answer = [this, ranged](const http::Response& response) {
            bool ends_here =
                is_file(response) || is_absent(response) || is_empty_handed(response) || response.status == 416;
            return ends_here || (ranged && refuses_range(response));
        };
        CO_TRY(response, co_await http::send_with_retry(client_, std::move(get), policy, std::move(any_answer)));
        if (!ranged || !refuses_range(response)) co_return response;
        ranges_ = Ranges::refused;
    }
}

// First HEAD, which costs nothing whatever the server is like; then, and at once where ranges are known to work, a GET
// that ends after a few bytes: presigned URLs are for GET only, and HEAD may be refused, empty or wrong.
async::Task<Result<FileLook>> HttpReader::look_at(std::string url, LookFor wanted) {
    bool by_head = !wanted.beginning && (ranges_ != Ranges::promised || wanted.absence);
    if (by_head)
        if (auto look = co_await look_at_head(url, wanted)) co_return std::move(*look);
    auto policy = policy_;
    if (!wanted.patiently) policy.budget = std::chrono::milliseconds(0);
    CO_TRY(response, co_await get_beginning(url, policy));
    FileLook look;
    if (is_empty_handed(response)) {
        look.answer = http::status_name(response.status);
        co_return look;
    }
    if (is_absent(response)) {
        look.answer = http::status_name(response.status);
        if (!asks_past_fronts(url, response) || url.find('?') != url.npos) co_return look;
        CO_TRY(past, co_await get_beginning(fresh(url), policy));
        if (suspicions_left_ > 0) --suspicions_left_;
        if (is_absent(past)) co_return look;
        note(memory_, response);
        if (settings_.fronts == Settings::Fronts::find) co_return look;
        response = std::move(past);
    }
    look.is_there = true;
    if (response.status == 200 && ranges_ != Ranges::refused) ranges_ = Ranges::ignored;
    look.is_encoded = says_encoding(response);
    look.size = response.status == 200 ? find_length(response) : find_total(response);
    if (response.status == 416) co_return look;
    if (response.body.empty()) look.size = 0; // also where no length was told
    look.beginning = std::move(response.body);
    co_return look;
}

async::Task<Result<FileLook>> HttpReader::look_afresh(std::string name, std::optional<std::uint64_t> size) {
    if (fresh_names_) name = fresh(name);
    LookFor wanted;
    wanted.size = size;
    wanted.absence = true;
    co_return co_await look_at(std::move(name), wanted);
}

async::Task<Result<FileLook>> HttpReader::look_written(std::string name) {
    LookFor wanted;
    wanted.patiently = false;
    auto look = co_await look_at(fresh(name), wanted);
    fresh_names_ = look && look->is_there;
    if (fresh_names_) co_return look;
    wanted.patiently = true;
    co_return co_await look_at(std::move(name), wanted);
}

async::Task<Result<NarLook>> HttpReader::look_at_nar(nix::NarInfo info) {
    LookFor wanted;
    wanted.size = stated_size(info);
    wanted.beginning = has_odd_name(info);
    auto looked = co_await look_at(info.url, wanted);
    if (looked) co_return judge(info, *looked);
    auto kind = looked.error().kind();
    if (kind != FailureKind::protocol && kind != FailureKind::not_found) co_return std::move(looked).error();
    // An answer, although none that helps anybody.
    NarLook look;
    look.state = NarState::gone;
    look.why = "its archive cannot be had: " + looked.error().cause();
    co_return look;
}

} // namespace cachefill::cache
