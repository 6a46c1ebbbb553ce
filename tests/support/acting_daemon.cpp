#include "support/acting_daemon.hpp"

#include "base/text.hpp"
#include "daemon/operations.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <csignal>
#include <stdexcept>
#include <sys/socket.h>

namespace cachefill::test {

namespace asio = boost::asio;
using async::Task;
using Protocol = asio::local::stream_protocol;
using Socket = asio::basic_stream_socket<Protocol, async::Executor>;

struct ActingDaemon::Listener {
    Listener(async::Executor executor, const std::filesystem::path& path)
        : acceptor(executor, Protocol::endpoint(path.native())) {}
    asio::basic_socket_acceptor<Protocol, async::Executor> acceptor;
};

// One client: messages are read by trying until one is whole.
class ActingDaemon::Peer {
  public:
    explicit Peer(async::Executor executor) : socket(executor) {}

    // Reads one message by `read`; false once the client has closed.
    template <class Read> Task<bool> receive(Read read) {
        for (;;) {
            daemon::WireReader reader(buffer_);
            read(reader);
            if (reader.failure())
                throw std::runtime_error("a request that makes no sense: " + reader.failure()->cause());
            if (reader.ok()) {
                buffer_.erase(0, reader.position());
                co_return true;
            }
            std::array<char, 4096> bytes{};
            auto [error, count] = co_await socket.async_read_some(asio::buffer(bytes), async::use_task_tuple);
            if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
            if (error) co_return false;
            buffer_.append(bytes.data(), count);
        }
    }

    Task<bool> send(std::string bytes) {
        auto [error, count] = co_await asio::async_write(socket, asio::buffer(bytes), async::use_task_tuple);
        if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
        co_return !error;
    }

    // It has closed, and nothing of what it said is left to be read.
    bool is_gone() {
        char byte = 0;
        return ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }

    Socket socket;

  private:
    std::string buffer_;
};

ActingDaemon::ActingDaemon(async::Executor executor, async::Clock& clock)
    : executor_(executor), clock_(clock), directory_(TemporaryDirectory::make("cachefill-acting-daemon-").value()),
      listener_(std::make_unique<Listener>(executor, directory_.path() / "socket")) {
    std::signal(SIGPIPE, SIG_IGN); // as main() does
    on_build = [](const std::vector<std::string>& derived_paths) {
        std::vector<BuildAnswer> answers;
        for (const auto& path : derived_paths) answers.push_back({path});
        return Play{send(build_reply(answers))};
    };
    on_fetch = [](const std::string&) { return Play{send(fetched_reply())}; };
}

ActingDaemon::~ActingDaemon() = default;

daemon::Endpoint ActingDaemon::endpoint() const {
    daemon::Endpoint endpoint;
    endpoint.socket = directory_.path() / "socket";
    return endpoint;
}

Task<void> ActingDaemon::serve() {
    async::TaskGroup peers(executor_);
    for (;;) {
        auto peer = std::make_unique<Peer>(executor_);
        auto [error] = co_await listener_->acceptor.async_accept(peer->socket, async::use_task_tuple);
        if (error) break;
        ++connections;
        peers.spawn(converse(std::move(peer)));
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    peers.cancel();
    co_await peers.join();
}

namespace {

std::string path_info_reply(const std::optional<nix::PathInfo>& info) {
    if (!info) return wire(frame_last, 0);
    auto bytes = wire(frame_last, 1, "", info->nar_hash.to_base16(), info->references.size());
    for (const auto& reference : info->references) bytes += wire(reference.to_string());
    bytes += wire(0, info->nar_size, info->ultimate, info->signatures.size());
    for (const auto& signature : info->signatures) bytes += wire(signature);
    return bytes + wire(info->content_address);
}

std::string paths_on_wire(const std::vector<std::string>& paths) {
    auto bytes = wire(paths.size());
    for (const auto& path : paths) bytes += wire(path);
    return bytes;
}

} // namespace

struct ActingDaemon::Question {
    daemon::Operation operation{};
    std::vector<std::string> texts;
    std::uint64_t action = 0; // of collecting garbage
    std::string settings;     // that the connection has been given

    void read(daemon::WireReader& reader) {
        operation = static_cast<daemon::Operation>(reader.word());
        texts.clear();
        auto list = [&] { reader.list(8, [&] { texts.emplace_back(reader.string()); }); };
        auto skip = [&](int words) {
            while (words-- > 0) reader.word();
        };
        switch (operation) {
        case daemon::Operation::set_options:
            skip(12);
            reader.list(16, [&] {
                std::string name(reader.string());
                texts.push_back(name + "=" + std::string(reader.string()));
            });
            break;
        case daemon::Operation::query_valid_paths:
        case daemon::Operation::build_paths_with_results:
            list();
            skip(1);
            break;
        case daemon::Operation::query_missing:
            list();
            break;
        case daemon::Operation::collect_garbage:
            action = reader.word();
            list();
            skip(5);
            break;
        default:
            texts.emplace_back(reader.string());
        }
    }
};

Task<bool> ActingDaemon::act(Peer& peer, const Play& play) {
    for (const auto& step : play) {
        if (step.kind == Step::Kind::hang_up) co_return false;
        if (step.kind == Step::Kind::act) {
            step.action();
        } else if (step.kind == Step::Kind::wait) {
            co_await clock_.sleep_for(step.time);
            if (peer.is_gone()) co_return false;
        } else if (!co_await peer.send(step.bytes)) {
            co_return false;
        }
    }
    co_return true;
}

ActingDaemon::Play ActingDaemon::answer(const Question& question) {
    constexpr std::uint64_t find_dead = 1;
    auto paths = question.texts;
    switch (question.operation) {
    case daemon::Operation::set_options:
        return {send(wire(frame_last))};
    case daemon::Operation::query_path_info:
        if (dies_of && dies_of(paths.front())) return {hang_up()};
        return {send(path_info_reply(on_path_info ? on_path_info(paths.front()) : std::nullopt))};
    case daemon::Operation::query_valid_paths:
        std::erase_if(paths, [this](const auto& path) { return !on_path_info || !on_path_info(path); });
        return {send(wire(frame_last) + paths_on_wire(paths))};
    case daemon::Operation::query_missing: {
        if (on_query_missing) paths = on_query_missing(paths);
        if (!on_query_missing) paths.clear();
        return {send(wire(frame_last) + paths_on_wire(paths) + wire(0, 0, 0, 0))};
    }
    case daemon::Operation::collect_garbage: {
        std::uint64_t freed = 0;
        if (question.action == find_dead)
            paths = on_find_dead ? on_find_dead() : std::vector<std::string>();
        else if (on_delete)
            freed = on_delete(paths);
        return {send(wire(frame_last) + paths_on_wire(paths) + wire(freed, 0))};
    }
    case daemon::Operation::ensure_path:
        fetches.push_back(paths.front());
        fetch_settings.push_back(question.settings);
        return on_fetch(paths.front());
    case daemon::Operation::build_paths_with_results:
        builds.push_back(join(paths, " "));
        build_settings.push_back(question.settings);
        return on_build(paths);
    default:
        return {send(wire(frame_last, 1))}; // rooted
    }
}

Task<void> ActingDaemon::converse(std::unique_ptr<Peer> peer) {
    auto words = [](std::size_t count) {
        return [count](daemon::WireReader& reader) {
            for (std::size_t i = 0; i < count; ++i) reader.word();
        };
    };
    auto greeting = words(2), rest = words(3);
    if (!co_await peer->receive(greeting)) co_return;
    co_await peer->send(wire(0x6478696f, 0x126));
    if (!co_await peer->receive(rest)) co_return;
    co_await peer->send(wire(0, "2.34.8", trust, frame_last));
    Question question;
    for (;;) {
        auto read = [&question](daemon::WireReader& reader) { question.read(reader); };
        if (!co_await peer->receive(read)) co_return;
        if (mishaps.next()) co_return;
        if (question.operation == daemon::Operation::set_options) question.settings = join(question.texts, " ");
        auto play = answer(question);
        if (!co_await act(*peer, play)) co_return;
    }
}

std::string message_frame(const std::string& text) { return wire(frame_next, text + "\n"); }

std::string start_frame(std::uint64_t id, std::uint64_t type, const std::string& text,
                        const std::vector<std::string>& fields, std::uint64_t parent) {
    auto bytes = wire(frame_start, id, 3, type, text, fields.size());
    for (const auto& field : fields) bytes += wire(1, field);
    return bytes + wire(parent);
}

std::string stop_frame(std::uint64_t id) { return wire(frame_stop, id); }

std::string log_line_frame(std::uint64_t id, const std::string& line) {
    return wire(frame_result, id, 101, 1, 1, line);
}

std::string progress_frame(std::uint64_t id, std::uint64_t done, std::uint64_t expected) {
    return wire(frame_result, id, 105, 4, 0, done, 0, expected, 0, 0, 0, 0);
}

std::string build_reply(const std::vector<BuildAnswer>& answers) {
    auto bytes = wire(frame_last, answers.size());
    for (const auto& answer : answers)
        bytes +=
            wire(answer.derived_path, static_cast<std::uint64_t>(answer.status), answer.message, 0, 0, 0, 0, 0, 0, 0);
    return bytes;
}

std::string fetched_reply() { return wire(frame_last, 1); }

} // namespace cachefill::test
