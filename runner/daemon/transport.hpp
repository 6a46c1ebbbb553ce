#pragma once

#include "async/child_process.hpp"
#include "daemon/connection.hpp"

#include <memory>
#include <span>

namespace cachefill::daemon {

// The bytes between us and one daemon: a Unix socket, or standard input and output of a child. The process must ignore
// SIGPIPE. Belongs to one connection.
class Transport {
  public:
    static async::Task<Result<std::unique_ptr<Transport>>> open(const Endpoint& endpoint);
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    // Waits a moment (milliseconds, at most a second) for a child to end its builds by itself before it is killed.
    ~Transport();

    // How many bytes came; 0 when the other side has closed. May run beside write().
    async::Task<std::size_t> read_some(std::span<char> buffer);
    // Returns early, without a word, when the other side has closed: reading tells why.
    async::Task<void> write(std::string_view bytes);
    // Something can be read at once, be it the end.
    bool has_input() const;
    // The daemon takes this as a cancellation of what it does.
    void close();

    // What the child printed on standard error, its end at least: sanitized, on one line. For a child that has closed
    // the connection; waits a moment for its last words.
    async::Task<std::string> last_words();
    const std::string& name() const { return name_; } // "'nix-daemon --stdio'" or "the socket /…"

  private:
    struct ErrorOutput;
    Transport(std::string name, async::StreamDescriptor input, async::StreamDescriptor output,
              std::unique_ptr<async::ChildProcess> child);
    static async::Task<Result<std::unique_ptr<Transport>>> connect_socket(const std::filesystem::path& path);
    static Result<std::unique_ptr<Transport>> start_child(async::Executor executor, const Endpoint& endpoint);

    std::string name_;
    async::StreamDescriptor input_;
    async::StreamDescriptor output_;
    std::unique_ptr<async::ChildProcess> child_;
    std::shared_ptr<ErrorOutput> error_output_; // shared with its pending read, which may end after us
};

} // namespace cachefill::daemon
