#include "async/child_process.hpp"

#include "async/deadline.hpp"
#include "async/task_group.hpp"

#include <boost/asio/buffer.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace cachefill::async {

namespace {

struct Pipe {
    FileDescriptor read_end;
    FileDescriptor write_end;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe(ends) != 0) return errno_failure("cannot make a pipe in", "/dev", errno);
    for (int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    return Pipe{.read_end = FileDescriptor(ends[0]), .write_end = FileDescriptor(ends[1])};
}

constexpr std::chrono::milliseconds pause_while_it_ends{10};

// What a child becomes; all of it made before there is a child.
struct Becoming {
    const char* program;
    char* const* arguments;
    char* const* environment;
    const char* directory;
    int input, output, error;
    int report; // takes errno if it cannot be done; closed by a successful exec
    pid_t parent;
    bool dies_with_parent;
    int ruleset; // Landlock's; -1: none
};

// We ignore these, and what a program ignores its children do.
void stop_ignoring_signals() {
    for (int number : {SIGPIPE, SIGXFSZ}) ::signal(number, SIG_DFL);
}

// Signals that we handle end a child until it is another program: a handler of ours would run in the memory that it has
// from us.
void stop_handling_signals() {
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action {};
        if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
        if (action.sa_handler != SIG_DFL) ::signal(number, SIG_DFL);
    }
}

// Only what is allowed between fork and exec: no memory is allocated here, and nothing of the parent's is changed.
[[noreturn]] void become(const Becoming& child) {
    ::setsid(); // a group to be killed as one, and no terminal on which anything below could ask
#ifdef __linux__
    if (child.dies_with_parent) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);            // with which nix ends its builders, too
        if (::getppid() != child.parent) ::_exit(127); // the parent died before it could be bound to it
    }
#endif
    ::dup2(child.input, 0);
    ::dup2(child.output, 1);
    ::dup2(child.error, 2);
    stop_handling_signals();
    stop_ignoring_signals();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    int failed = 0;
    if (child.directory[0] != '\0' && ::chdir(child.directory) != 0) failed = errno;
    if (failed == 0 && child.ruleset >= 0) failed = enter_ruleset(child.ruleset);
    if (failed == 0) {
        ::execve(child.program, child.arguments, child.environment);
        failed = errno;
    }
    auto written = ::write(child.report, &failed, sizeof failed);
    ::_exit(written == sizeof failed ? 127 : 126);
}

// The child's process, or -1 and errno. Where it can, it begins in our memory, and we stand still until it is another
// program: the tables of a gigabyte's pages are not copied for a process that throws them away at once.
pid_t start_child(const Becoming& child) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
#ifdef __linux__
    pid_t pid = ::vfork();
#else
    pid_t pid = ::fork();
#endif
    if (pid == 0) become(child);
    int failed = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = failed;
    return pid;
}

std::vector<char*> as_argv(std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (auto& text : strings) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

} // namespace

std::optional<std::filesystem::path> find_program(const std::string& name, const Environment& environment) {
    auto is_executable = [](const std::filesystem::path& path) {
        std::error_code ignored;
        return ::access(path.c_str(), X_OK) == 0 && !std::filesystem::is_directory(path, ignored);
    };
    if (name.find('/') != std::string::npos) {
        if (is_executable(name)) return std::filesystem::path(name);
        return {};
    }
    auto path = environment.get_or("PATH", "/usr/local/bin:/usr/bin:/bin");
    for (auto directory : split(path, ':')) {
        auto candidate = std::filesystem::path(directory.empty() ? "." : directory) / name;
        if (is_executable(candidate)) return candidate;
    }
    return {};
}

Failure become(std::vector<std::string> arguments, const Environment& environment) {
    auto program = find_program(arguments.at(0), environment);
    if (!program) return Failure(FailureKind::machine, "there is no program '" + sanitize(arguments[0]) + "' on PATH");
    auto variables = environment.to_strings();
    auto argv = as_argv(arguments);
    auto envp = as_argv(variables);
    std::fflush(nullptr);
    stop_ignoring_signals();
    ::execve(program->c_str(), argv.data(), envp.data());
    return errno_failure("cannot start", program->string(), errno);
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(Executor executor, const ProcessSpec& spec) {
    auto program = find_program(spec.arguments.at(0), spec.environment);
    if (!program)
        return Failure(FailureKind::machine, "there is no program '" + spec.arguments[0] + "' on PATH")
            .with_hint("install it, or put its directory on PATH");
    FileDescriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    FileDescriptor our_input;
    if (spec.standard_input == StandardInput::pipe) {
        TRY(pipe, make_pipe());
        input = std::move(pipe.read_end);
        our_input = std::move(pipe.write_end);
    }
    TRY(output, make_pipe());
    TRY(error, make_pipe());
    TRY(report, make_pipe());

    FileDescriptor ruleset;
    if (spec.confinement) {
        TRY(made, make_ruleset(*spec.confinement));
        ruleset = std::move(made);
    }

    auto arguments = spec.arguments;
    auto environment = spec.environment.to_strings();
    auto argv = as_argv(arguments);
    auto envp = as_argv(environment);
    const Becoming child{.program = program->c_str(),
                         .arguments = argv.data(),
                         .environment = envp.data(),
                         .directory = spec.directory.c_str(),
                         .input = input.get(),
                         .output = output.write_end.get(),
                         .error = error.write_end.get(),
                         .report = report.write_end.get(),
                         .parent = ::getpid(),
                         .dies_with_parent = spec.dies_with_us,
                         .ruleset = ruleset.get()};
    pid_t pid = start_child(child);
    if (pid < 0) return errno_failure("cannot start", *program, errno);
    report.write_end.close();
    int failed = 0;
    ssize_t count = 0;
    do count = ::read(report.read_end.get(), &failed, sizeof failed);
    while (count < 0 && errno == EINTR);
    if (count == static_cast<ssize_t>(sizeof failed)) {
        ::waitpid(pid, nullptr, 0);
        return errno_failure("cannot start", *program, failed);
    }
    return std::unique_ptr<ChildProcess>(
        new ChildProcess(executor, pid, std::move(our_input), std::move(output.read_end), std::move(error.read_end)));
}

ChildProcess::ChildProcess(Executor executor, int pid, FileDescriptor input, FileDescriptor output,
                           FileDescriptor error)
    : pid_(pid), child_signals_(executor, SIGCHLD), input_(executor), output_(executor), error_(executor) {
    if (input.is_open()) input_.assign(input.release());
    output_.assign(output.release());
    error_.assign(error.release());
}

ChildProcess::~ChildProcess() {
    if (reaped_) return;
    signal(SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

bool ChildProcess::try_reap() {
    if (reaped_) return true;
    int status = 0;
    struct rusage usage {};
    auto reaped = ::wait4(pid_, &status, WNOHANG, &usage);
    if (reaped == 0 || (reaped < 0 && errno == EINTR)) return false;
    reaped_ = true;
    if (reaped < 0) {
        status_.code = 127; // somebody else reaped it: nothing is known but that it is gone
        return true;
    }
    if (WIFSIGNALED(status))
        status_.signal = WTERMSIG(status);
    else
        status_.code = WEXITSTATUS(status);
#ifdef __APPLE__
    status_.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss);
#else
    status_.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
#endif
    auto length = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    auto processor_time = length(usage.ru_utime) + length(usage.ru_stime);
    status_.processor_time = std::chrono::duration_cast<std::chrono::milliseconds>(processor_time);
    return true;
}

Task<ExitStatus> ChildProcess::wait() {
    while (!try_reap()) {
        // SIGCHLDs merge and another child's may come between check and wait; a slow look now and then is cheap
        // insurance.
        SteadyTimer poll(child_signals_.get_executor(), std::chrono::milliseconds(500));
        auto on_poll = [this](const boost::system::error_code& error) {
            if (!error) child_signals_.cancel();
        };
        poll.async_wait(on_poll);
        co_await child_signals_.async_wait(use_task_tuple);
        poll.cancel();
    }
    co_return status_;
}

Task<void> ChildProcess::end(std::chrono::steady_clock::duration grace) {
    signal(SIGTERM);
    auto until = std::chrono::steady_clock::now() + grace;
    while (!try_reap() && std::chrono::steady_clock::now() < until) co_await sleep_for(pause_while_it_ends);
}

void ChildProcess::signal(int number) {
    if (!reaped_) ::kill(-pid_, number);
}

namespace {

Task<void> read_all(StreamDescriptor& stream, std::string& text, std::size_t limit) {
    std::array<char, 16384> buffer{};
    for (;;) {
        auto [error, count] = co_await stream.async_read_some(asio::buffer(buffer), use_task_tuple);
        if (error) co_return;
        text.append(buffer.data(), std::min(count, limit - std::min(limit, text.size())));
    }
}

Task<Result<FinishedProcess>> run_to_end(ProcessSpec spec, std::size_t limit) {
    auto executor = co_await asio::this_coro::executor;
    CO_TRY(process, ChildProcess::start(executor, spec));
    FinishedProcess finished;
    TaskGroup readers(executor);
    readers.spawn(read_all(process->standard_output(), finished.output, limit));
    readers.spawn(read_all(process->standard_error(), finished.error, limit));
    co_await readers.join();
    finished.status = co_await process->wait();
    co_return finished;
}

} // namespace

Task<Result<FinishedProcess>> run_process(ProcessSpec spec, std::chrono::steady_clock::duration deadline,
                                          std::size_t limit) {
    auto name = "'" + join(spec.arguments, " ") + "'";
    auto work = run_to_end(std::move(spec), limit);
    co_return co_await with_deadline(std::move(work), deadline, std::move(name));
}

} // namespace cachefill::async
