#pragma once

#include "async/clock.hpp"
#include "async/task_group.hpp"
#include "base/files.hpp"
#include "daemon/connection.hpp"
#include "nix/path_info.hpp"
#include "support/fake_daemon.hpp"
#include "support/mishaps.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::test {

// A Nix daemon that understands what it is asked, on as many connections as come, each a worker process of its own: it
// roots and registers at once, and builds and fetches as the test says, moment by moment. Frames are those of Nix 2.34.
class ActingDaemon {
  public:
    ActingDaemon(async::Executor executor, async::Clock& clock);
    ~ActingDaemon();

    daemon::Endpoint endpoint() const;

    // What it does with one request.
    struct Step {
        enum class Kind { send, wait, act, hang_up };
        Kind kind = Kind::send;
        std::string bytes = {};
        std::chrono::milliseconds time = {};
        std::function<void()> action = {};
    };
    using Play = std::vector<Step>;
    static Step send(std::string bytes) { return {Step::Kind::send, std::move(bytes), {}, {}}; }
    // A client that is gone by then ends the play.
    static Step wait(std::chrono::milliseconds time) { return {Step::Kind::wait, {}, time, {}}; }
    static Step act(std::function<void()> action) { return {Step::Kind::act, {}, {}, std::move(action)}; }
    static Step hang_up() { return {Step::Kind::hang_up, {}, {}, {}}; } // as a worker process that died does

    // By default everything is built and fetched at once. The paths are as on the wire ("/nix/store/x.drv!*").
    std::function<Play(const std::vector<std::string>& derived_paths)> on_build;
    std::function<Play(const std::string& path)> on_fetch;
    // What is known of a path, which then is valid; by default none is.
    std::function<std::optional<nix::PathInfo>(const std::string& path)> on_path_info;

    // What it would build if it were asked to; by default nothing.
    std::function<std::vector<std::string>(const std::vector<std::string>& derived_paths)> on_query_missing;
    // What no root keeps; by default nothing. Being told to delete frees so many bytes.
    std::function<std::vector<std::string>()> on_find_dead;
    std::function<std::uint64_t(const std::vector<std::string>& paths)> on_delete;

    std::uint64_t trust = 1; // 2: the client is not trusted

    // Being asked about a path ends the worker process, if this says so.
    std::function<bool(const std::string& path)> dies_of;

    // At whatever it is asked: the worker process dies instead of answering.
    Mishaps mishaps;

    // Accepts until cancelled.
    async::Task<void> serve();

    std::vector<std::string> builds, fetches; // what was asked for, a request each, paths joined by blanks
    std::vector<std::string> fetch_settings;  // as fetches: "NAME=VALUE …" that the connection was given
    std::vector<std::string> build_settings;  // likewise, as builds
    std::size_t connections = 0;

  private:
    struct Listener;
    class Peer;
    struct Question;
    async::Task<void> converse(std::unique_ptr<Peer> peer);
    Play answer(const Question& question);
    async::Task<bool> act(Peer& peer, const Play& play);

    async::Executor executor_;
    async::Clock& clock_;
    TemporaryDirectory directory_;
    std::unique_ptr<Listener> listener_;
};

// Frames and replies, as bytes.
std::string message_frame(const std::string& text);
std::string start_frame(std::uint64_t id, std::uint64_t type, const std::string& text,
                        const std::vector<std::string>& fields, std::uint64_t parent = 0);
std::string stop_frame(std::uint64_t id);
std::string log_line_frame(std::uint64_t id, const std::string& line);
std::string progress_frame(std::uint64_t id, std::uint64_t done, std::uint64_t expected);
struct BuildAnswer {
    std::string derived_path;
    daemon::BuildStatus status = daemon::BuildStatus::built;
    std::string message = {};
};
std::string build_reply(const std::vector<BuildAnswer>& answers);
std::string fetched_reply();

// Types of activities (Nix, libutil/logging.hh).
inline constexpr std::uint64_t activity_copy_path = 100, activity_file_transfer = 101, activity_build = 105,
                               activity_substitute = 108, activity_query_path_info = 109;

} // namespace cachefill::test
