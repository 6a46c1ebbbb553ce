#include "support/fake_daemon.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <csignal>
#include <stdexcept>

namespace cachefill::test {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

struct FakeDaemon::Socket {
    Socket(async::Executor executor, const std::filesystem::path& path)
        : acceptor(executor, Protocol::endpoint(path.native())) {}
    asio::basic_socket_acceptor<Protocol, async::Executor> acceptor;
};

FakeDaemon::FakeDaemon(async::Executor executor)
    : directory_(TemporaryDirectory::make("cachefill-fake-daemon-").value()),
      socket_(std::make_unique<Socket>(executor, directory_.path() / "socket")) {
    std::signal(SIGPIPE, SIG_IGN); // as main() does
}

FakeDaemon::~FakeDaemon() = default;

daemon::Endpoint FakeDaemon::endpoint() const {
    daemon::Endpoint endpoint;
    endpoint.socket = directory_.path() / "socket";
    return endpoint;
}

void FakeDaemon::stop_listening() { socket_->acceptor.close(); }

async::Task<void> FakeDaemon::play(std::vector<Step> script) {
    asio::basic_stream_socket<Protocol, async::Executor> peer(socket_->acceptor.get_executor());
    co_await socket_->acceptor.async_accept(peer, async::use_task);
    for (const auto& step : script) {
        if (step.kind == Step::Kind::send) {
            auto [error, count] = co_await asio::async_write(peer, asio::buffer(step.bytes), async::use_task_tuple);
            if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
            if (error) co_return; // the client has closed: it is the test's to say whether that is right
            continue;
        }
        std::string heard(step.kind == Step::Kind::expect ? step.bytes.size() : 1, '\0');
        auto [error, count] = co_await asio::async_read(peer, asio::buffer(heard), async::use_task_tuple);
        if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
        heard.resize(count);
        if (heard != step.bytes)
            throw std::runtime_error("the client said " + std::to_string(count) + " bytes that are not in the script");
    }
}

std::vector<FakeDaemon::Step> FakeDaemon::handshake(unsigned minor, const std::string& version) {
    std::vector<Step> steps;
    steps.push_back(expect(wire(0x6e697863, 0x126)));
    steps.push_back(send(wire(0x6478696f, 0x100 + minor)));
    steps.push_back(expect(minor >= 38 ? wire(0, 0, 0) : wire(0, 0)));
    auto introduction = minor >= 38 ? wire(0, version) : wire(version);
    if (minor >= 35) introduction += wire(1);
    steps.push_back(send(introduction + wire(frame_last)));
    return steps;
}

std::string error_frame(const std::string& message) { return wire(frame_error, "Error", 0, "Error", message, 0, 0); }

} // namespace cachefill::test
