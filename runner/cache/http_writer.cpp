#include "cache/http_writer.hpp"

#include "async/retry.hpp"
#include "base/text.hpp"
#include "cache/credentials.hpp"
#include "cache/put_stream.hpp"
#include "nix/narinfo.hpp"

namespace cachefill::cache {

using async::Task;

namespace {

// ncps takes uploads there, and nowhere else.
constexpr std::string_view usual_upload_path = "/upload";
// A cache may take a moment to show what it has just taken.
constexpr int looks_at_what_was_written = 4;
// To send so little costs no more than to ask whether it is there.
constexpr std::uint64_t small_file = 1 << 20;

} // namespace

http::Request HttpWriter::put(const std::string& name, std::string_view content_type) const {
    http::Request request(http::Method::put, std::string(uri_.place_to_push().reveal()) + "/" + name);
    request.headers.push_back({"Content-Type", std::string(content_type)});
    request.bearer = bearer_;
    request.logins = logins_;
    return request;
}

std::unique_ptr<FileStream> HttpWriter::begin_stream(async::Executor executor, http::Request put) const {
    if (streams_.begin) return streams_.begin(std::move(put));
    return std::make_unique<PutStream>(executor, client_, std::move(put));
}

// The answer; a failure when none came. What a server says of a condition that it does not know concerns no file, so
// that is said without it, and it is never asked again.
Task<Result<http::Response>> HttpWriter::try_put(http::Request request, bool conditional) {
    if (conditional && knows_conditions_) {
        auto careful = request;
        careful.headers.push_back({"If-None-Match", "*"});
        CO_TRY(response, co_await client_.send(std::move(careful)));
        if (classify_put(response, true) != PutAnswer::unknown_condition) co_return response;
        knows_conditions_ = false;
    }
    co_return co_await client_.send(std::move(request));
}

Task<Result<void>> HttpWriter::send(http::Request request) {
    auto shown = request;
    shown.body.reset();
    auto attempt = [&]() -> Task<Result<void>> {
        auto sent = request;
        CO_TRY(response, co_await try_put(std::move(sent), false));
        auto answer = classify_put(response, false);
        if (answer == PutAnswer::done) co_return Result<void>();
        auto failure = put_failure(shown, response, answer, uri_.name);
        if (answer == PutAnswer::unsure) co_return co_await look_whether_kept(std::move(failure), request);
        if (answer == PutAnswer::no_uploads) co_return co_await explain_no_uploads(std::move(failure));
        co_return failure;
    };
    co_return co_await async::with_retry(policy_, random_, attempt);
}

// An archive that is only "accepted" would leave a narinfo without it, and a cache that is not closed.
Task<Result<void>> HttpWriter::look_whether_kept(Failure unsure, http::Request sent) {
    std::optional<std::uint64_t> size;
    std::error_code error;
    if (sent.body) size = sent.body->size();
    if (!sent.body_file.empty()) size = std::filesystem::file_size(sent.body_file, error);
    auto name = sent.url.substr(uri_.place_to_push().reveal().size() + 1);
    CO_TRY(look, co_await reader_.look_afresh(std::move(name), size));
    bool is_kept = look.is_there && (!size || error || !look.size || look.size == size);
    if (is_kept) co_return Result<void>();
    co_return unsure;
}

// True: it is there. False: it was not sent, or nobody knows.
Task<Result<bool>> HttpWriter::send_if_new(http::Request request) {
    auto shown = request;
    shown.body.reset();
    auto response = co_await try_put(std::move(request), true);
    if (!response) co_return false;
    auto answer = classify_put(*response, false);
    if (answer == PutAnswer::done) co_return true;
    if (response->status == 412 || answer == PutAnswer::away || answer == PutAnswer::unsure) co_return false;
    auto failure = put_failure(shown, *response, answer, uri_.name);
    if (answer == PutAnswer::no_uploads) co_return co_await explain_no_uploads(std::move(failure));
    co_return failure;
}

Task<Result<void>> HttpWriter::put_once(http::Request request, std::string name, std::uint64_t size) {
    // Without that condition one that breaks off could leave a half in the place of another path's archive.
    if (size <= small_file && knows_conditions_ && uri_.scheme != Scheme::s3) {
        auto sent = co_await send_if_new(request);
        if (sent && *sent) co_return Result<void>();
        if (!sent) co_return co_await settle_conflict(std::move(sent).error(), std::move(name), size);
    }
    co_return co_await put_again(std::move(request), std::move(name), size);
}

Task<Result<void>> HttpWriter::put_again(http::Request request, std::string name, std::uint64_t size) {
    CO_TRY(look, co_await reader_.look_afresh(name, size));
    if (look.is_there && look.size == size) co_return Result<void>();
    auto sent = co_await send(std::move(request));
    if (sent) co_return sent;
    co_return co_await settle_conflict(std::move(sent).error(), std::move(name), size);
}

// A server that never replaces a file says so of one that may be what we wanted to send.
Task<Result<void>> HttpWriter::settle_conflict(Failure failure, std::string name, std::uint64_t size) {
    if (failure.http_status() != 409 && failure.http_status() != 412) co_return failure;
    CO_TRY(again, co_await reader_.look_afresh(name, size));
    if (again.is_there && (!again.size || again.size == size)) co_return Result<void>();
    if (!again.is_there)
        co_return std::move(failure).with_hint(
            "it says so although there is no such file; WebDAV does if the folder '" + name.substr(0, name.find('/')) +
            "' is missing there");
    co_return std::move(failure).with_hint("the file there has " + std::to_string(*again.size) + " bytes instead of " +
                                           std::to_string(size) + ": remove " + name + " from the cache");
}

Task<Result<PublishOutcome>> HttpWriter::put_narinfo(std::string name, std::string text, bool looked) {
    auto body = std::make_shared<const std::string>(std::move(text));
    bool is_first = true;
    auto attempt = [&]() -> Task<Result<PublishOutcome>> {
        bool had_a_try = !std::exchange(is_first, false);
        if (had_a_try || !looked) {
            CO_TRY(look, co_await reader_.look_afresh(name));
            if (look.is_there) co_return had_a_try ? PublishOutcome::published : PublishOutcome::already_there;
        }
        co_return co_await try_narinfo(name, body);
    };
    auto outcome = co_await async::with_retry(policy_, random_, attempt);
    if (!outcome) co_return outcome;
    reader_.note_written(name);
    if (!was_read_back_) CO_TRY_VOID(co_await check_first_narinfo(std::move(name)));
    co_return outcome;
}

Task<Result<PublishOutcome>> HttpWriter::try_narinfo(const std::string& name,
                                                     const std::shared_ptr<const std::string>& body) {
    auto request = put(name, "text/x-nix-narinfo");
    auto shown = request;
    request.body = body;
    CO_TRY(response, co_await try_put(std::move(request), true));
    auto answer = classify_put(response, false);
    if (answer == PutAnswer::done) co_return PublishOutcome::published;
    if (answer == PutAnswer::unsure) {
        CO_TRY(look, co_await reader_.look_afresh(name));
        if (look.is_there) co_return PublishOutcome::published;
    }
    if (answer == PutAnswer::exists) {
        // 412 says that there is one, as we asked, and 409 may mean anything that is in the way. Neither is believed:
        // where there is none the path would be lost.
        CO_TRY(look, co_await reader_.look_afresh(name));
        if (look.is_there) co_return PublishOutcome::already_there;
    }
    co_return put_failure(shown, response, answer, uri_.name);
}

Task<Result<void>> HttpWriter::replace_narinfo(std::string name, std::string text) {
    auto request = put(name, "text/x-nix-narinfo");
    request.body = std::make_shared<const std::string>(std::move(text));
    auto sent = co_await send(std::move(request));
    if (!sent)
        co_return std::move(sent).error().with_hint("remove " + name + " from the cache; then it can be pushed anew");
    co_return sent;
}

Task<Result<void>> HttpWriter::put_cache_info(std::string name, std::string text) {
    auto request = put(name, "text/x-nix-cache-info");
    auto shown = request;
    request.body = std::make_shared<const std::string>(std::move(text));
    auto attempt = [&]() -> Task<Result<void>> {
        auto sent = request;
        CO_TRY(response, co_await try_put(std::move(sent), true)); // there may be one that we may not read
        auto answer = classify_put(response, false);
        if (answer == PutAnswer::done || answer == PutAnswer::exists) co_return Result<void>();
        auto failure = put_failure(shown, response, answer, uri_.name);
        if (answer == PutAnswer::no_uploads) co_return co_await explain_no_uploads(std::move(failure));
        co_return failure;
    };
    CO_TRY_VOID(co_await async::with_retry(policy_, random_, attempt));
    co_return co_await check_readable(std::move(name));
}

Failure HttpWriter::unreadable(const std::string& name, const std::string& answer) const {
    return Failure(FailureKind::auth, uri_.name + " takes writes and refuses reads: " + name +
                                          ", which was just written there, answers " + answer)
        .with_hint("nobody could fetch from it: let it be read, or " + ways_to_log_in(uri_) + " for reading");
}

// What was taken and cannot be seen yet may take its time.
Task<Result<void>> HttpWriter::check_readable(std::string name) {
    for (int looks = 1;; ++looks) {
        auto look = co_await reader_.look_written(name);
        if (look && look->is_there) co_return Result<void>();
        if (!look && look.error().kind() != FailureKind::auth) co_return std::move(look).error();
        if (!look) co_return unreadable(name, std::to_string(look.error().http_status()));
        if (looks == looks_at_what_was_written || !look->answer.starts_with("404"))
            co_return unreadable(name, look->answer);
        co_await async::sleep_for(policy_.first_delay);
    }
}

// Only a refusal is one: a narinfo that is not shown yet is looked for at the end of a run.
Task<Result<void>> HttpWriter::check_first_narinfo(std::string name) {
    was_read_back_ = true; // others that go up meanwhile need not ask the same
    auto look = co_await reader_.look_afresh(name);
    was_read_back_ = look && look->is_there;
    if (!look && look.error().kind() == FailureKind::auth)
        co_return unreadable(name, std::to_string(look.error().http_status()));
    if (look && !look->is_there && !look->answer.starts_with("404")) co_return unreadable(name, look->answer);
    co_return Result<void>();
}

// Where it does take them, if that is where most of those that do not take them here do.
Task<Failure> HttpWriter::explain_no_uploads(Failure failure) {
    if (!uri_.push_base.empty()) co_return failure;
    http::Request look(http::Method::get,
                       std::string(uri_.base.reveal()) + std::string(usual_upload_path) + "/nix-cache-info");
    look.bearer = bearer_;
    look.logins = logins_;
    look.enough = 4096;
    auto answer = co_await client_.send(std::move(look));
    bool is_cache = answer && answer->is_success() && answer->body.find("StoreDir:") != std::string::npos;
    if (!is_cache) co_return failure;
    Failure explained(FailureKind::auth, failure.cause());
    co_return std::move(explained)
        .with_http_status(failure.http_status())
        .with_hint("it takes uploads below " + std::string(usual_upload_path) + ": name the cache as " + uri_.name +
                   "?push=" + std::string(usual_upload_path));
}

} // namespace cachefill::cache
