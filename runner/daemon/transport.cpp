#include "daemon/transport.hpp"

#include "async/deadline.hpp"
#include "base/foreign_text.hpp"
#include "base/ownership.hpp"
#include "base/text.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace cachefill::daemon {

namespace asio = boost::asio;
using async::StreamDescriptor;
using async::Task;
using LocalSocket = asio::basic_stream_socket<asio::local::stream_protocol, async::Executor>;

namespace {

constexpr std::size_t error_output_limit = 16384;
constexpr std::size_t shown_words = 2000;

Failure socket_failure(const std::filesystem::path& path, int error) {
    auto shown = sanitize(path.native());
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return Failure(FailureKind::store, "there is no Nix daemon: the socket " + shown + " does not exist")
            .with_hint("install Nix (https://nixos.org/download), or start its daemon: systemctl start nix-daemon");
    case ECONNREFUSED:
        return Failure(FailureKind::store, "the Nix daemon is not running: nobody listens at " + shown)
            .with_hint("start it: systemctl start nix-daemon");
    case EACCES:
    case EPERM:
        return Failure(FailureKind::store, "this user may not connect to the Nix daemon at " + shown)
            .with_hint("the socket's permissions and Nix's setting allowed-users decide who may");
    default:
        return errno_failure("cannot connect to the Nix daemon at", path, error);
    }
}

// Who listens at the other end; nobody if the kernel does not say.
std::optional<uid_t> peer_of(int socket) {
#ifdef __APPLE__
    uid_t user = 0;
    gid_t group = 0;
    if (::getpeereid(socket, &user, &group) == 0) return user;
#else
    struct ucred peer {};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) return peer.uid;
#endif
    return std::nullopt;
}

// Could somebody else than `user` have been first at this place, as a folder on the way lets others write? One of that
// user, where only root or we could have made it, is a place that was given to them.
bool is_anybodys(const std::filesystem::path& socket, uid_t user) {
    struct stat folder {};
    auto above = socket.parent_path();
    bool was_given =
        ::stat(above.c_str(), &folder) == 0 && folder.st_uid == user && why_not_ours_alone(above.parent_path()).empty();
    return !was_given && !why_not_ours_alone(above).empty();
}

// A daemon is told what to build and believed what came of it. A socket given by hand, in /tmp for instance, may be
// somebody else's who was there first.
Result<void> check_peer(int socket, const std::filesystem::path& path) {
    auto peer = peer_of(socket);
    if (!peer || *peer == 0 || *peer == ::geteuid() || !is_anybodys(path, *peer)) return {};
    return Failure(FailureKind::store, "the Nix daemon at " + sanitize(path.native()) +
                                           " is not used: the user with the number " + std::to_string(*peer) +
                                           " listens there, and others may write to the folder")
        .with_hint("name another socket: --store, or NIX_DAEMON_SOCKET_PATH");
}

[[noreturn]] void throw_aborted() { throw boost::system::system_error(asio::error::operation_aborted); }

bool has_exited(int pid) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

} // namespace

// Always read, or a talkative child would wait for ever; only the end is kept.
struct Transport::ErrorOutput : std::enable_shared_from_this<Transport::ErrorOutput> {
    explicit ErrorOutput(StreamDescriptor from) : stream(std::move(from)), ended_signal(stream.get_executor()) {}

    void read_on() {
        auto on_read = [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
            if (error) {
                self->ended = true;
                self->ended_signal.notify_all();
                return;
            }
            self->text.append(self->buffer.data(), count);
            if (self->text.size() > error_output_limit) self->text.erase(0, self->text.size() - error_output_limit);
            self->read_on();
        };
        stream.async_read_some(asio::buffer(buffer), std::move(on_read));
    }

    Task<Result<void>> wait_for_end() {
        while (!ended) co_await ended_signal.wait();
        co_return Result<void>();
    }

    StreamDescriptor stream;
    async::Signal ended_signal;
    bool ended = false;
    std::string text;
    std::array<char, 4096> buffer{};
};

Task<Result<std::unique_ptr<Transport>>> Transport::open(const Endpoint& endpoint) {
    if (endpoint.command.empty()) co_return co_await connect_socket(endpoint.socket);
    co_return start_child(co_await asio::this_coro::executor, endpoint);
}

Task<Result<std::unique_ptr<Transport>>> Transport::connect_socket(const std::filesystem::path& path) {
    if (path.native().size() >= sizeof(sockaddr_un::sun_path))
        co_return Failure(FailureKind::usage, "the path of the Nix daemon's socket is too long (" +
                                                  std::to_string(path.native().size()) +
                                                  " bytes): " + sanitize(path.native()));
    auto executor = co_await asio::this_coro::executor;
    LocalSocket socket(executor);
    asio::local::stream_protocol::endpoint address(path.native());
    auto [error] = co_await socket.async_connect(address, async::use_task_tuple);
    if (error == asio::error::operation_aborted) throw_aborted();
    if (error) co_return socket_failure(path, error.value());
    CO_TRY_VOID(check_peer(socket.native_handle(), path));
    FileDescriptor input(socket.release());
    FileDescriptor output(::fcntl(input.get(), F_DUPFD_CLOEXEC, 0));
    if (!output.is_open()) co_return errno_failure("cannot duplicate the socket", path, errno);
    StreamDescriptor reading(executor, input.release());
    StreamDescriptor writing(executor, output.release());
    co_return std::unique_ptr<Transport>(
        new Transport("the socket " + sanitize(path.native()), std::move(reading), std::move(writing), nullptr));
}

Result<std::unique_ptr<Transport>> Transport::start_child(async::Executor executor, const Endpoint& endpoint) {
    if (!async::find_program(endpoint.command[0], endpoint.environment))
        return Failure(FailureKind::machine, "there is no program '" + endpoint.command[0] + "' on PATH")
            .with_hint("install Nix 2.8 or newer (https://nixos.org/download), or put its directory on PATH");
    async::ProcessSpec spec;
    spec.arguments = endpoint.command;
    spec.environment = endpoint.environment;
    spec.standard_input = async::StandardInput::pipe;
    spec.dies_with_us = false; // killed outright it would leave its builders behind
    TRY(child, async::ChildProcess::start(executor, spec));
    auto input = std::move(child->standard_output());
    auto output = std::move(child->standard_input());
    return std::unique_ptr<Transport>(
        new Transport("'" + join(endpoint.command, " ") + "'", std::move(input), std::move(output), std::move(child)));
}

Transport::Transport(std::string name, StreamDescriptor input, StreamDescriptor output,
                     std::unique_ptr<async::ChildProcess> child)
    : name_(std::move(name)), input_(std::move(input)), output_(std::move(output)), child_(std::move(child)) {
    if (!child_) return;
    error_output_ = std::make_shared<ErrorOutput>(std::move(child_->standard_error()));
    error_output_->read_on();
}

Transport::~Transport() {
    close();
    if (!child_) return;
    // It ends its builders now; killed outright it would leave them behind.
    for (int waited = 0; waited < 1000 && !has_exited(child_->pid()); ++waited)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    boost::system::error_code ignored;
    error_output_->stream.close(ignored);
}

Task<std::size_t> Transport::read_some(std::span<char> buffer) {
    auto target = asio::buffer(buffer.data(), buffer.size());
    auto [error, count] = co_await input_.async_read_some(target, async::use_task_tuple);
    if (error == asio::error::operation_aborted) throw_aborted();
    co_return error ? 0 : count;
}

Task<void> Transport::write(std::string_view bytes) {
    auto source = asio::buffer(bytes.data(), bytes.size());
    auto [error, count] = co_await asio::async_write(output_, source, async::use_task_tuple);
    if (error == asio::error::operation_aborted) throw_aborted();
}

bool Transport::has_input() const {
    auto& input = const_cast<StreamDescriptor&>(input_); // native_handle() is not const
    if (!input.is_open()) return true;
    pollfd descriptor{.fd = input.native_handle(), .events = POLLIN, .revents = 0};
    return ::poll(&descriptor, 1, 0) > 0;
}

void Transport::close() {
    boost::system::error_code ignored;
    output_.close(ignored);
    input_.close(ignored);
}

Task<std::string> Transport::last_words() {
    if (!error_output_) co_return std::string();
    auto end = error_output_->wait_for_end();
    auto waited = co_await async::with_deadline(std::move(end), std::chrono::seconds(2), name_);
    (void)waited; // late or not, what has come is what there is
    auto text = clean_foreign(error_output_->text);
    std::string line;
    for (auto part : split(text, '\n')) {
        if (trim(part).empty()) continue;
        if (!line.empty()) line += "; ";
        line += trim(part);
    }
    co_return ellipsize(line, shown_words);
}

} // namespace cachefill::daemon
