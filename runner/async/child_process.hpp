#pragma once

#include "async/confinement.hpp"
#include "async/signal.hpp"
#include "base/environment.hpp"
#include "base/files.hpp"
#include "base/result.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::async {

using StreamDescriptor = asio::posix::basic_stream_descriptor<Executor>;

enum class StandardInput { null, pipe };

struct ProcessSpec {
    std::vector<std::string> arguments; // [0] is looked up on PATH of `environment`
    Environment environment;
    StandardInput standard_input = StandardInput::null;
    std::filesystem::path directory; // empty: ours
    // On Linux: ended (SIGTERM) when we die, however that happens. Not for a program that sees its input close and then
    // has children of its own to end.
    bool dies_with_us = true;
    std::optional<Confinement> confinement; // only with a landlock_version()
};

struct ExitStatus {
    int code = 0;                  // exit code, if not ended by a signal
    int signal = 0;                // the signal that ended it, else 0
    std::uint64_t peak_memory = 0; // bytes, the largest resident size (of it or one of its waited-for children)
    std::chrono::milliseconds processor_time{}; // its own and theirs, of all threads
    bool success() const { return code == 0 && signal == 0; }
};

// A program we started, in a session of its own: cancelling reaches its children too, and no terminal is left on which
// git or ssh below it could ask for a password. On Linux it dies with us (PR_SET_PDEATHSIG). Destroying it while it
// runs kills the group and reaps it. Does not move.
class ChildProcess {
  public:
    // Fails with kind machine when the program cannot be found or started.
    static Result<std::unique_ptr<ChildProcess>> start(Executor executor, const ProcessSpec& spec);
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess();

    int pid() const { return pid_; }
    StreamDescriptor& standard_input() { return input_; } // open only when asked for as a pipe
    StreamDescriptor& standard_output() { return output_; }
    StreamDescriptor& standard_error() { return error_; }

    // Waits until the process itself has ended; read its output until end of file first, or beside it.
    Task<ExitStatus> wait();
    // SIGTERM to the group, and time to end what it has started in sessions of their own, as nix does with builders.
    // What still runs then is killed by the destructor, and leaves those behind.
    Task<void> end(std::chrono::steady_clock::duration grace);
    // To the whole group.
    void signal(int number);

  private:
    ChildProcess(Executor executor, int pid, FileDescriptor input, FileDescriptor output, FileDescriptor error);
    bool try_reap();

    int pid_;
    bool reaped_ = false;
    ExitStatus status_;
    asio::basic_signal_set<Executor> child_signals_;
    StreamDescriptor input_;
    StreamDescriptor output_;
    StreamDescriptor error_;
};

// The program's whole output, for short-lived helpers. Output beyond `limit` bytes per stream is read and dropped.
// Killed at the deadline (kind timeout), and when the caller is cancelled.
struct FinishedProcess {
    ExitStatus status;
    std::string output;
    std::string error;
};
Task<Result<FinishedProcess>> run_process(ProcessSpec spec, std::chrono::steady_clock::duration deadline,
                                          std::size_t limit = 64U << 20);

// The absolute path of a program, as exec would find it; empty if it is not there.
std::optional<std::filesystem::path> find_program(const std::string& name, const Environment& environment);

// Becomes another program, [0] of the arguments looked up on PATH of `environment`; comes back only with what kept it
// from that (kind machine).
Failure become(std::vector<std::string> arguments, const Environment& environment);

} // namespace cachefill::async
