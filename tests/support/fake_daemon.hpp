#pragma once

#include "async/task.hpp"
#include "base/files.hpp"
#include "daemon/connection.hpp"
#include "daemon/wire.hpp"

#include <memory>
#include <string>
#include <vector>

namespace cachefill::test {

// The other side of a daemon::Connection: listens at a socket of its own and plays a script byte for byte.
class FakeDaemon {
  public:
    explicit FakeDaemon(async::Executor executor);
    ~FakeDaemon();

    daemon::Endpoint endpoint() const;

    struct Step {
        enum class Kind { expect, send, wait_for_close };
        Kind kind;
        std::string bytes;
    };
    static Step expect(std::string bytes) { return {Step::Kind::expect, std::move(bytes)}; }
    static Step send(std::string bytes) { return {Step::Kind::send, std::move(bytes)}; }
    static Step wait_for_close() { return {Step::Kind::wait_for_close, {}}; }

    // Accepts one connection, plays and closes it. Throws when the client says something else than the script.
    async::Task<void> play(std::vector<Step> script);
    // From now on nobody accepts; the socket file stays, as after a crash.
    void stop_listening();

    // Both sides of the handshake, as a daemon of protocol 1.`minor` and Nix `version` has it.
    static std::vector<Step> handshake(unsigned minor = 38, const std::string& version = "2.34.8");

  private:
    struct Socket;
    TemporaryDirectory directory_;
    std::unique_ptr<Socket> socket_;
};

// Bytes of the worker protocol for scripts: integers become words, texts strings.
template <class... Values> std::string wire(const Values&... values) {
    daemon::WireWriter writer;
    auto add = [&writer](const auto& value) {
        if constexpr (std::is_convertible_v<decltype(value), std::string_view>)
            writer.string(value);
        else
            writer.word(static_cast<std::uint64_t>(value));
    };
    (add(values), ...);
    return writer.take();
}

inline constexpr std::uint64_t frame_next = 0x6f6c6d67, frame_last = 0x616c7473, frame_error = 0x63787470,
                               frame_start = 0x53545254, frame_stop = 0x53544f50, frame_result = 0x52534c54;

std::string error_frame(const std::string& message);

} // namespace cachefill::test
