#include "fill/push_service.hpp"

#include "cache/credentials.hpp"
#include "cache/token_store.hpp"
#include "daemon/connection.hpp"
#include "fill/push_targets.hpp"
#include "options/settings.hpp"

#include <sys/stat.h>

namespace cachefill::fill {

using async::Task;
using desktop::Settled;
using namespace std::chrono_literals;

namespace {

// Answers of the cache are trusted for so long: it may lose paths, but not within minutes.
constexpr auto answers_last = 15min;
// The courier has patience; a single request needs none.
constexpr auto request_patience = 10s;

async::RetryPolicy impatient() {
    async::RetryPolicy policy;
    policy.budget = request_patience;
    return policy;
}

std::string file_fingerprint(const std::filesystem::path& file) {
    struct stat status {};
    if (file.empty() || ::stat(file.c_str(), &status) != 0) return "-";
    return std::to_string(status.st_ino) + "." + std::to_string(status.st_mtime) + "." + std::to_string(status.st_size);
}

// A service reads it at every attempt, which a pipe allows once; and who waits for one to say something does nothing
// else, not even end.
Result<void> check_is_plain(const std::filesystem::path& file) {
    struct stat status {};
    bool is_there = !file.empty() && ::stat(file.c_str(), &status) == 0;
    if (!is_there || S_ISREG(status.st_mode)) return {};
    return Failure(FailureKind::machine, file.string() + " is no plain file, and it is read at every attempt")
        .with_hint("put the secret into a file; a pipe gives it once");
}

} // namespace

Task<Result<std::unique_ptr<daemon::Connection>>> connect_patiently(const daemon::Endpoint& endpoint) {
    return daemon::connect(endpoint, 2min);
}

std::string CacheCarrier::credentials_fingerprint() const {
    auto token_file = cache_.token_file;
    if (token_file.empty())
        if (auto uri = cache::CacheUri::parse(cache_.uri.reveal()))
            if (auto name = cache::token_name(*uri)) token_file = cache::token_file(session_.environment(), *name);
    return file_fingerprint(token_file) + " " + file_fingerprint(cache_.signing_key_file);
}

void CacheCarrier::stop(std::chrono::milliseconds grace) {
    stopped_ = true;
    if (pusher_) pusher_->stop(grace);
}

Task<Result<void>> CacheCarrier::open() {
    auto now = session_.clock().now();
    if (pusher_ && now - opened_ < answers_last) co_return Result<void>();
    pusher_.reset();
    CO_TRY_VOID(check_is_plain(cache_.token_file));
    CO_TRY_VOID(check_is_plain(cache_.signing_key_file));
    auto cache = cache_;
    CO_TRY(target, co_await open_target(session_, std::move(cache), true, impatient()));
    pusher_ = std::make_unique<Pusher>(session_, std::move(target), other_targets_, sink_);
    opened_ = now;
    co_return Result<void>();
}

Task<Result<void>> CacheCarrier::carry(std::vector<nix::StorePath> paths, OnSettled on_settled) {
    stopped_ = false;
    // A connection for each batch: it keeps the paths from garbage collection, and a daemon that was restarted since is
    // no matter.
    CO_TRY(connection, co_await connect_patiently(session_.endpoint()));
    auto rooted = paths;
    CO_TRY_VOID(co_await connection->add_temp_roots(std::move(rooted)));
    auto asked = paths;
    CO_TRY(valid_list, co_await connection->query_valid_paths(std::move(asked)));
    std::set<nix::StorePath> valid(valid_list.begin(), valid_list.end());
    for (const auto& path : paths)
        if (!valid.contains(path)) on_settled({.path = path, .how = Settled::gone});
    if (valid_list.empty()) co_return Result<void>();
    CO_TRY_VOID(co_await open());
    if (stopped_) co_return Result<void>();
    pusher_->use(*connection);
    auto settings = push_settings_from(session_.settings());
    settings.retry_later.budget = 0ms; // the courier tries again
    Pusher::OnSettled settled = [this, &valid, &on_settled](const nix::StorePath& path,
                                                            const push::PushRecord& record) {
        if (!valid.contains(path)) return; // only a reference of one of ours
        desktop::Settlement settlement{.path = path, .bytes = record.file_size, .reason = record.reason};
        switch (record.outcome) {
        case event::PushOutcome::published:
            settlement.how = Settled::pushed;
            break;
        case event::PushOutcome::already_there:
            settlement.how = Settled::present;
            settlement.bytes = 0;
            break;
        case event::PushOutcome::withheld:
            settlement.how = Settled::withheld;
            break;
        case event::PushOutcome::failed:
            settlement.how = Settled::failed;
            break;
        case event::PushOutcome::not_pushed:
            if (stopped_) return;               // it stays as it is
            settlement.how = Settled::withheld; // excluded, or out of budget
            break;
        }
        on_settled(std::move(settlement));
    };
    co_await pusher_->push(std::move(valid_list), std::move(settings), std::move(settled));
    co_return Result<void>();
}

} // namespace cachefill::fill
