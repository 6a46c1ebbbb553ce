#include "async/child_process.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <filesystem>

using namespace cachefill;
using namespace cachefill::async;
using namespace std::chrono_literals;
using test::run_task;

namespace {

Result<FinishedProcess> run_shell(std::string script, std::chrono::milliseconds deadline = 20s,
                                  std::optional<Confinement> confinement = {}) {
    auto body = [&](Executor) -> Task<Result<FinishedProcess>> {
        ProcessSpec spec;
        spec.arguments = {"sh", "-c", script};
        spec.environment.set("PATH", "/usr/bin:/bin");
        spec.environment.set("ONLY", "this");
        spec.confinement = confinement;
        co_return co_await run_process(std::move(spec), deadline);
    };
    return run_task<Result<FinishedProcess>>(body);
}

} // namespace

BOOST_AUTO_TEST_SUITE(child_process)

BOOST_AUTO_TEST_CASE(output_error_and_exit_code_come_back_apart) {
    auto finished = run_shell("echo out; echo err >&2; exit 3").value();
    BOOST_TEST(finished.output == "out\n");
    BOOST_TEST(finished.error == "err\n");
    BOOST_TEST(finished.status.code == 3);
    BOOST_TEST(finished.status.peak_memory > 0U);
}

BOOST_AUTO_TEST_CASE(a_child_sees_exactly_the_environment_it_was_given) {
    BOOST_TEST(run_shell("echo $ONLY-$HOME").value().output == "this-\n");
}

BOOST_AUTO_TEST_CASE(standard_input_is_empty_so_nothing_can_prompt) {
    BOOST_TEST(run_shell("read x && echo got || echo none").value().output == "none\n");
}

BOOST_AUTO_TEST_CASE(a_deadline_kills_the_whole_group) {
    auto finished = run_shell("sleep 1000 & sleep 1000", 50ms);
    BOOST_REQUIRE(!finished);
    BOOST_TEST((finished.error().kind() == FailureKind::timeout));
}

BOOST_AUTO_TEST_CASE(one_that_is_ended_has_time_to_clear_up_and_no_more) {
    auto end_shell = [](std::string script, std::chrono::milliseconds grace) {
        auto body = [&](Executor executor) -> Task<ExitStatus> {
            ProcessSpec spec;
            spec.arguments = {"sh", "-c", script};
            spec.environment.set("PATH", "/usr/bin:/bin");
            auto child = ChildProcess::start(executor, spec).value();
            std::array<char, 1> ready{}; // it says so once it listens
            co_await child->standard_output().async_read_some(asio::buffer(ready), use_task_tuple);
            co_await child->end(grace);
            child->signal(SIGKILL); // reaches only one that still runs
            co_return co_await child->wait();
        };
        return run_task<ExitStatus>(body);
    };
    BOOST_TEST(end_shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", 20s).code == 7);
    BOOST_TEST(end_shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", 50ms).signal == SIGKILL);
}

BOOST_AUTO_TEST_CASE(being_killed_is_told_from_exiting) {
    auto finished = run_shell("kill -9 $$").value();
    BOOST_TEST(finished.status.signal == SIGKILL);
    BOOST_TEST(!finished.status.success());
}

// It begins in our memory, and nothing that it does there is done to us.
BOOST_AUTO_TEST_CASE(what_we_block_handle_and_ignore_is_ours_alone) {
    static volatile std::sig_atomic_t handled = 0;
    auto was_handled = std::signal(SIGUSR1, [](int) { handled = handled + 1; });
    auto was_ignored = std::signal(SIGPIPE, SIG_IGN);
    sigset_t blocked, before, after;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);

    auto finished = run_shell("cd /; kill -USR1 $PPID; exec sed -n '/^Sig[BIC]/p' /proc/self/status").value();
    BOOST_TEST(finished.output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n");
    BOOST_TEST(handled == 1);

    ::pthread_sigmask(SIG_SETMASK, &before, &after);
    BOOST_TEST(::sigismember(&after, SIGUSR2) == 1);
    BOOST_TEST((std::signal(SIGPIPE, was_ignored) == SIG_IGN));
    std::signal(SIGUSR1, was_handled);
}

BOOST_AUTO_TEST_CASE(a_missing_program_is_named) {
    auto body = [](Executor) -> Task<Result<FinishedProcess>> {
        ProcessSpec spec;
        spec.arguments = {"no-such-program-at-all"};
        co_return co_await run_process(std::move(spec), 1s);
    };
    auto finished = run_task<Result<FinishedProcess>>(body);
    BOOST_REQUIRE(!finished);
    BOOST_TEST(finished.error().cause().find("no-such-program-at-all") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_confined_child_opens_what_it_was_given_and_nothing_else) {
    if (landlock_version() == 0) return;
    auto directory = TemporaryDirectory::make("confined").value();
    auto place = directory.path().string();
    for (const char* name : {"read", "write", "other"}) {
        std::filesystem::create_directory(directory.path() / name);
        BOOST_REQUIRE(write_file_atomically(directory.path() / name / "file", "text\n"));
    }
    const Confinement confinement{
        .readable = {"/usr", "/bin", "/lib", "/lib64", "/nix", "/dev/null", place + "/read", place + "/other/nowhere"},
        .writable = {place + "/write"}};
    auto says = [&](const std::string& script) {
        auto finished = run_shell("cd " + place + " && " + script, 20s, confinement).value();
        return finished.status.success() ? finished.output : std::string("refused");
    };
    BOOST_TEST(says("cat read/file") == "text\n");
    BOOST_TEST(says("echo new > write/new && mkdir write/a && mv write/new write/a/new && cat write/a/new") == "new\n");
    BOOST_TEST(says("exec cat /proc/self/comm") == "cat\n");
    for (const char* script :
         {"cat other/file", "ls other", "cat read/../other/file", "ln -s ../other/file write/link && cat write/link",
          "echo x >> read/file", "rm read/file", "mv other/file write/file", "ln other/file write/hard",
          "cat /proc/1/environ", "cat /etc/passwd", "sh -c 'cat other/file'"})
        BOOST_TEST(says(script) == "refused", script);
    BOOST_TEST(read_file(directory.path() / "other/file").value() == "text\n");
}

BOOST_AUTO_TEST_SUITE_END()
