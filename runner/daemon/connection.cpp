#include "daemon/connection.hpp"

#include "async/deadline.hpp"
#include "async/limiter.hpp"
#include "async/together.hpp"
#include "base/text.hpp"
#include "daemon/content_address.hpp"
#include "daemon/session.hpp"
#include "daemon/transport.hpp"

#include <unistd.h>
#include <unordered_set>

namespace cachefill::daemon {

namespace asio = boost::asio;
using async::Task;
using nix::StorePath;
using Replies = std::vector<Reply>;
using Deadline = std::optional<std::chrono::steady_clock::duration>;

namespace {

// The daemon may wait for locks of others. Builds and downloads take as long as they take: Nix's own timeouts and the
// caller bound them.
constexpr auto query_deadline = std::chrono::minutes(10);
constexpr auto garbage_deadline = std::chrono::hours(2);
constexpr auto adding_deadline = std::chrono::hours(2);

// It ended before its first word. So does a daemon that crashes, and one that does not want this user, who then is not
// root.
std::string what_to_do_about_silence(const std::string& daemon) {
    if (daemon.starts_with('\'')) return "run " + daemon + " by hand to see why it ends";
    std::string log = "the daemon's own log says why (journalctl -u nix-daemon)";
    if (::geteuid() == 0) return log + "; systemctl restart nix-daemon starts it afresh";
    return log + ": it has failed, or its setting allowed-users leaves this user out";
}

class DaemonConnection final : public Connection {
  public:
    DaemonConnection(async::Executor executor, Endpoint endpoint, std::unique_ptr<Transport> transport)
        : executor_(executor), endpoint_(std::move(endpoint)), turn_(executor, 1), transport_(std::move(transport)),
          buffer_(65536) {}

    Task<Result<void>> greet();

    Trust trust() const override { return session_.trust(); }
    const std::string& nix_version() const override { return session_.nix_version(); }
    bool is_broken() const override { return broken_ || (is_idle() && speaks_unasked()); }
    void set_log_sink(LogSink sink) override { log_sink_ = std::move(sink); }

    Task<Result<void>> set_options(Options options) override;
    Task<Result<std::vector<StorePath>>> query_valid_paths(std::vector<StorePath> paths) override;
    Task<Result<std::optional<nix::PathInfo>>> query_path_info(StorePath path) override;
    Task<Result<std::vector<std::optional<nix::PathInfo>>>> query_path_infos(std::vector<StorePath> paths) override;
    Task<Result<std::vector<BuildResult>>> build_paths(std::vector<DerivedPath> paths, BuildMode mode) override;
    Task<Result<void>> ensure_path(StorePath path) override;
    Task<Result<void>> add_temp_root(StorePath path) override;
    Task<Result<void>> add_temp_roots(std::vector<StorePath> paths) override;
    Task<Result<void>> add_indirect_root(std::filesystem::path link) override;
    Task<Result<Missing>> query_missing(std::vector<DerivedPath> paths, std::chrono::milliseconds deadline) override;
    Task<Result<std::map<std::string, std::optional<StorePath>>>>
    query_derivation_outputs(StorePath derivation) override;
    Task<Result<std::optional<nix::Realisation>>> query_realisation(std::string id) override;
    Task<Result<void>> add_objects(Payload payload) override;
    Task<Result<std::vector<StorePath>>> find_dead(std::vector<StorePath> paths) override;
    Task<Result<std::uint64_t>> delete_paths(std::vector<StorePath> paths) override;

  private:
    // What one exchange has come to so far.
    struct Exchange {
        Replies replies;
        std::optional<Failure> refused; // the first of the daemon's own errors; the conversation goes on
        std::optional<Failure> fatal;   // the conversation is over
        bool cut_off = false;
    };
    // Breaks the connection unless the exchange came to its end, however it is left.
    struct MidMessage {
        explicit MidMessage(DaemonConnection& of) : connection(of) {}
        ~MidMessage() {
            if (!settled) connection.break_off();
        }
        DaemonConnection& connection;
        bool settled = false;
    };

    bool is_idle() const { return turn_.in_use() == 0; }
    bool speaks_unasked() const { return session_.has_unread() || transport_->has_input(); }
    void break_off();
    Failure broken() const;

    Task<Result<Reply>> ask(Request request, Deadline deadline);
    Task<Result<Replies>> ask_all(std::vector<Request> requests, Deadline deadline, Payload payload = {});
    Task<Result<Replies>> exchange(std::vector<Request> requests, Payload payload = {});
    Task<void> send(std::string bytes, Payload& payload, Exchange& exchange, async::TaskGroup& group);
    Task<void> receive(Exchange& exchange, async::TaskGroup& group);
    Task<Failure> explain_cut_off();

    std::optional<nix::PathInfo> completed(std::optional<nix::PathInfo> info) const;

    async::Executor executor_;
    Endpoint endpoint_;
    async::Limiter turn_;
    std::unique_ptr<Transport> transport_;
    Session session_;
    LogSink log_sink_;
    std::vector<char> buffer_;
    bool broken_ = false;
    std::string broken_by_;
};

void DaemonConnection::break_off() {
    if (broken_) return;
    broken_ = true;
    if (broken_by_.empty()) broken_by_ = "a request was cancelled in the middle";
    transport_->close();
}

Failure DaemonConnection::broken() const {
    return Failure(FailureKind::store, "the connection to the Nix daemon is broken: " + broken_by_);
}

Task<Failure> DaemonConnection::explain_cut_off() {
    auto failure = session_.cut_off();
    auto words = co_await transport_->last_words();
    if (!words.empty()) failure = std::move(failure).with_cause_suffix("; it said: " + words);
    if (!session_.has_greeting())
        failure = std::move(failure).with_hint(words.find("Permission denied") != std::string::npos
                                                   ? "run as the user who owns the Nix store, or install Nix with its "
                                                     "daemon"
                                                   : what_to_do_about_silence(transport_->name()));
    co_return std::move(failure).with_context("talking to the Nix daemon by " + transport_->name());
}

Task<Result<void>> DaemonConnection::greet() {
    for (;;) {
        auto output = session_.take_output();
        if (!output.empty()) co_await transport_->write(output);
        auto event = session_.next();
        if (!event)
            co_return std::move(event).error().with_context("talking to the Nix daemon by " + transport_->name());
        if (session_.is_ready()) co_return Result<void>();
        if (*event) continue; // log messages before anybody listens
        output = session_.take_output();
        if (!output.empty()) {
            co_await transport_->write(output);
            continue;
        }
        auto count = co_await transport_->read_some(buffer_);
        if (count == 0) co_return co_await explain_cut_off();
        session_.receive({buffer_.data(), count});
    }
}

Task<void> DaemonConnection::receive(Exchange& exchange, async::TaskGroup& group) {
    while (!exchange.fatal) {
        auto event = session_.next();
        if (!event) {
            exchange.fatal = std::move(event).error();
        } else if (!*event) {
            if (session_.outstanding() == 0) co_return;
            auto count = co_await transport_->read_some(buffer_);
            exchange.cut_off = count == 0;
            if (count == 0)
                exchange.fatal = session_.cut_off();
            else
                session_.receive({buffer_.data(), count});
        } else if (auto* log = std::get_if<LogEvent>(&**event)) {
            if (log_sink_) log_sink_(*log);
        } else if (auto* completed = std::get_if<Session::Completed>(&**event)) {
            if (completed->reply)
                exchange.replies.push_back(std::move(completed->reply).value());
            else if (!exchange.refused)
                exchange.refused = std::move(completed->reply).error();
        }
    }
    group.cancel(); // what is still being sent goes nowhere
}

// A framed stream: each piece with its length before it, and a length of 0 at the end.
Task<void> DaemonConnection::send(std::string bytes, Payload& payload, Exchange& exchange, async::TaskGroup& group) {
    while (true) {
        co_await transport_->write(bytes);
        if (!payload) co_return;
        auto piece = co_await payload();
        if (!piece) {
            exchange.fatal = std::move(piece).error();
            group.cancel(); // nobody answers half a stream
            co_return;
        }
        WireWriter writer;
        writer.word(piece->size());
        writer.encoded(*piece);
        bytes = writer.take();
        if (piece->empty()) payload = {};
    }
}

Task<Result<Replies>> DaemonConnection::exchange(std::vector<Request> requests, Payload payload) {
    Exchange exchange;
    for (auto& request : requests) session_.request(std::move(request));
    // Both directions at once: with many requests under way the daemon's answers could fill the pipe while we fill its.
    auto both = [&](async::TaskGroup& group) {
        group.spawn(send(session_.take_output(), payload, exchange, group));
        group.spawn(receive(exchange, group));
    };
    co_await async::together(both);
    if (exchange.cut_off && !exchange.refused) exchange.fatal = co_await explain_cut_off();
    if (exchange.fatal) {
        broken_by_ = exchange.fatal->cause();
        break_off();
    }
    if (exchange.refused) co_return std::move(*exchange.refused);
    if (exchange.fatal) co_return std::move(*exchange.fatal);
    co_return std::move(exchange.replies);
}

Task<Result<Replies>> DaemonConnection::ask_all(std::vector<Request> requests, Deadline deadline, Payload payload) {
    if (requests.empty()) co_return Replies();
    auto permit = co_await turn_.acquire();
    if (!broken_ && speaks_unasked()) {
        broken_by_ = "the daemon closed it";
        break_off();
    }
    if (broken_) co_return broken();
    auto doing = requests.front().doing;
    MidMessage message(*this);
    auto work = exchange(std::move(requests), std::move(payload));
    if (!deadline) {
        auto replies = co_await std::move(work);
        message.settled = true;
        co_return replies;
    }
    auto replies = co_await async::with_deadline(std::move(work), *deadline, doing);
    if (!replies && replies.error().kind() == FailureKind::timeout)
        broken_by_ = replies.error().cause();
    else
        message.settled = true;
    co_return replies;
}

Task<Result<Reply>> DaemonConnection::ask(Request request, Deadline deadline) {
    std::vector<Request> requests;
    requests.push_back(std::move(request));
    CO_TRY(replies, co_await ask_all(std::move(requests), deadline));
    co_return std::move(replies.front());
}

Task<Result<void>> DaemonConnection::set_options(Options options) {
    CO_TRY_VOID(co_await ask(daemon::set_options(options), query_deadline));
    co_return Result<void>();
}

Task<Result<std::vector<StorePath>>> DaemonConnection::query_valid_paths(std::vector<StorePath> paths) {
    if (paths.empty()) co_return std::vector<StorePath>();
    CO_TRY(reply, co_await ask(daemon::query_valid_paths(paths), query_deadline));
    co_return std::get<std::vector<StorePath>>(std::move(reply));
}

std::optional<nix::PathInfo> DaemonConnection::completed(std::optional<nix::PathInfo> info) const {
    if (info) find_content_address(*info, endpoint_.physical(info->path));
    return info;
}

Task<Result<std::optional<nix::PathInfo>>> DaemonConnection::query_path_info(StorePath path) {
    CO_TRY(reply, co_await ask(daemon::query_path_info(path), query_deadline));
    co_return completed(std::get<std::optional<nix::PathInfo>>(std::move(reply)));
}

Task<Result<std::vector<std::optional<nix::PathInfo>>>>
DaemonConnection::query_path_infos(std::vector<StorePath> paths) {
    std::vector<Request> requests;
    for (const auto& path : paths) requests.push_back(daemon::query_path_info(path));
    CO_TRY(replies, co_await ask_all(std::move(requests), query_deadline));
    std::vector<std::optional<nix::PathInfo>> infos;
    for (auto& reply : replies) infos.push_back(completed(std::get<std::optional<nix::PathInfo>>(std::move(reply))));
    co_return infos;
}

Task<Result<std::vector<BuildResult>>> DaemonConnection::build_paths(std::vector<DerivedPath> paths, BuildMode mode) {
    CO_TRY(request, daemon::build_paths(paths, mode));
    CO_TRY(reply, co_await ask(std::move(request), std::nullopt));
    co_return std::get<std::vector<BuildResult>>(std::move(reply));
}

Task<Result<void>> DaemonConnection::ensure_path(StorePath path) {
    CO_TRY_VOID(co_await ask(daemon::ensure_path(path), std::nullopt));
    co_return Result<void>();
}

Task<Result<void>> DaemonConnection::add_temp_root(StorePath path) {
    CO_TRY_VOID(co_await ask(daemon::add_temp_root(path), query_deadline));
    co_return Result<void>();
}

Task<Result<void>> DaemonConnection::add_temp_roots(std::vector<StorePath> paths) {
    std::vector<Request> requests;
    for (const auto& path : paths) requests.push_back(daemon::add_temp_root(path));
    CO_TRY_VOID(co_await ask_all(std::move(requests), query_deadline));
    co_return Result<void>();
}

Task<Result<void>> DaemonConnection::add_indirect_root(std::filesystem::path link) {
    CO_TRY(request, daemon::add_indirect_root(link));
    CO_TRY_VOID(co_await ask(std::move(request), query_deadline));
    co_return Result<void>();
}

Task<Result<Missing>> DaemonConnection::query_missing(std::vector<DerivedPath> paths,
                                                      std::chrono::milliseconds deadline) {
    CO_TRY(request, daemon::query_missing(paths));
    CO_TRY(reply, co_await ask(std::move(request), deadline));
    co_return std::get<Missing>(std::move(reply));
}

Task<Result<std::map<std::string, std::optional<StorePath>>>>
DaemonConnection::query_derivation_outputs(StorePath derivation) {
    CO_TRY(reply, co_await ask(daemon::query_derivation_outputs(derivation), query_deadline));
    co_return std::get<OutputPaths>(std::move(reply));
}

Task<Result<std::optional<nix::Realisation>>> DaemonConnection::query_realisation(std::string id) {
    CO_TRY(request, daemon::query_realisation(id));
    CO_TRY(reply, co_await ask(std::move(request), query_deadline));
    co_return std::get<std::optional<nix::Realisation>>(std::move(reply));
}

Task<Result<void>> DaemonConnection::add_objects(Payload payload) {
    std::vector<Request> requests;
    requests.push_back(daemon::add_objects());
    CO_TRY_VOID(co_await ask_all(std::move(requests), adding_deadline, std::move(payload)));
    co_return Result<void>();
}

Task<Result<std::vector<StorePath>>> DaemonConnection::find_dead(std::vector<StorePath> paths) {
    if (paths.empty()) co_return paths;
    CO_TRY(reply, co_await ask(daemon::find_dead(), garbage_deadline));
    auto collected = std::get<Garbage>(std::move(reply));
    std::unordered_set<StorePath> dead(collected.paths.begin(), collected.paths.end());
    std::erase_if(paths, [&dead](const StorePath& path) { return !dead.contains(path); });
    co_return paths;
}

Task<Result<std::uint64_t>> DaemonConnection::delete_paths(std::vector<StorePath> paths) {
    if (paths.empty()) co_return std::uint64_t(0);
    CO_TRY(reply, co_await ask(daemon::delete_paths(paths), garbage_deadline));
    co_return std::get<Garbage>(reply).bytes_freed;
}

Task<Result<std::unique_ptr<Connection>>> establish(Endpoint endpoint) {
    auto executor = co_await asio::this_coro::executor;
    CO_TRY(transport, co_await Transport::open(endpoint));
    auto connection = std::make_unique<DaemonConnection>(executor, std::move(endpoint), std::move(transport));
    CO_TRY_VOID(co_await connection->greet());
    co_return std::unique_ptr<Connection>(std::move(connection));
}

} // namespace

Task<Result<std::unique_ptr<Connection>>> connect(const Endpoint& endpoint, std::chrono::milliseconds deadline) {
    auto where = endpoint.command.empty() ? "at " + sanitize(endpoint.socket.native())
                                          : "by '" + join(endpoint.command, " ") + "'";
    auto work = establish(endpoint);
    co_return co_await async::with_deadline(std::move(work), deadline, "connecting to the Nix daemon " + where);
}

} // namespace cachefill::daemon
