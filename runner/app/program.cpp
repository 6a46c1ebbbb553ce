#include "app/program.hpp"

#include "app/bell.hpp"
#include "app/commands/commands.hpp"
#include "app/output_places.hpp"
#include "app/voice.hpp"
#include "async/child_process.hpp"
#include "async/clock.hpp"
#include "async/git.hpp"
#include "async/together.hpp"
#include "base/files.hpp"
#include "base/foreign_text.hpp"
#include "base/secret_variables.hpp"
#include "base/text.hpp"
#include "event/event.hpp"
#include "http/client.hpp"
#include "options/command_line.hpp"
#include "options/exit_code.hpp"
#include "options/state_directory.hpp"
#include "options/typed.hpp"
#include "report/run_report.hpp"

#include <boost/asio/co_spawn.hpp>

#include <csignal>
#include <cstdio>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace cachefill::app {

using namespace std::chrono_literals;

namespace {

async::Task<int> dispatch(options::Command command, CommandContext& context) {
    switch (command) {
    case options::Command::run:
        co_return co_await run_command(context);
    case options::Command::plan:
        co_return co_await plan_command(context);
    case options::Command::push:
        co_return co_await push_command(context);
    case options::Command::verify:
        co_return co_await verify_command(context);
    case options::Command::ci:
        co_return co_await ci_command(context);
    case options::Command::doctor:
        co_return co_await doctor_command(context);
    case options::Command::wait:
        co_return co_await wait_command(context);
    case options::Command::guard:
        co_return co_await guard_command(context);
    case options::Command::init:
        co_return co_await init_command(context);
    case options::Command::report:
        co_return co_await report_command(context);
    case options::Command::login:
        co_return co_await login_command(context);
    case options::Command::use:
        co_return co_await use_command(context);
    }
    co_return static_cast<int>(options::ExitCode::usage);
}

async::Task<void> run_invocation(const options::Invocation& invocation, const CiSetup* ci,
                                 const Environment& environment, int& exit_code,
                                 std::vector<std::string>& replacement) {
    auto executor = co_await async::asio::this_coro::executor;
    Console console(executor, invocation.settings, environment);
    auto opened = try_output_places(invocation.settings);
    if (opened) opened = console.open_events();
    if (!opened) {
        console.print_error(opened.error());
        exit_code = static_cast<int>(options::exit_code_for(opened.error().kind()));
        co_return;
    }
    session::Session session(executor, invocation.settings, environment, console.sink());
    auto start = session.clock().now();
    std::function<void(int)> on_signal;
    for (const auto& remark : invocation.remarks) console.sink().on_event(remark);
    CommandContext context{.invocation = invocation,
                           .ci = ci,
                           .session = session,
                           .console = console,
                           .on_signal = on_signal,
                           .replacement = replacement};
    auto work = [](options::Command command, CommandContext& all, int& code,
                   async::TaskGroup& group) -> async::Task<void> {
        code = co_await dispatch(command, all);
        group.cancel();
    };
    bool is_cancelled = false;
    auto all = [&](async::TaskGroup& group) {
        // A command that has nothing to report is cancelled, so that what it has put on the disk is put away.
        auto pass_on = [&](int number) {
            if (on_signal) return on_signal(number);
            console.stop_drawing();
            exit_code = 128 + number;
            is_cancelled = true;
            group.cancel();
        };
        group.spawn(console.watch_signals(std::move(pass_on)));
        group.spawn(console.keep_drawing());
        group.spawn(work(invocation.command, context, exit_code, group));
    };
    co_await async::together(all);
    if (is_cancelled) co_return;
    // Long enough that whoever started it looks elsewhere by now.
    bool is_long = invocation.command == options::Command::wait || session.clock().now() - start > 1min;
    if (!invocation.settings.bell || !is_long || !replacement.empty()) co_return;
    auto text = ended_in_words(to_string(invocation.command), exit_code);
    co_await ring(environment, std::move(text));
}

// A core file would hold tokens and keys.
void forbid_core_files() {
    struct rlimit none {};
    ::setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
    ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

int refuse(const Failure& failure, const Environment& environment) {
    std::fputs(spoken_on(stderr, render(failure) + "\n", environment).c_str(), stderr);
    return static_cast<int>(options::exit_code_for(failure.kind()));
}

// The user's own command, with the terminal and all: it finds its flake, whatever login that has.
int become(const std::vector<std::string>& command, const Environment& environment) {
    auto child = environment.without_our_secrets();
    for (const auto& [name, value] : environment.variables())
        if (name.starts_with("NH_")) child.set(name, value);
    return refuse(async::become(command, child), environment);
}

int refuse(const Failure& failure, bool is_step, const Environment& environment, const std::string& json = {}) {
    return is_step ? refuse_step(failure, environment, json) : refuse(failure, environment);
}

// Hundreds of connections and files at once; the soft limit is often 1024.
void allow_many_files() {
    struct rlimit files {};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

std::filesystem::path own_executable(const std::string& called_as, const Environment& environment) {
    auto found = called_as.find('/') == std::string::npos ? async::find_program(called_as, environment) : called_as;
    std::error_code error;
    auto whole = found ? std::filesystem::canonical(*found, error) : std::filesystem::path();
    return error ? std::filesystem::path() : whole;
}

int perform(const std::string& called_as, const std::vector<std::string>& arguments, const Environment& environment) {
    bool is_step =
        !arguments.empty() && arguments[0] == to_string(options::Command::ci) && github::is_step(environment);
    if (is_step) {
        std::fputs(masks_of(environment).c_str(), stdout);
        std::fflush(stdout);
    }
    auto parsed = options::parse_command_line(arguments, environment);
    if (!parsed) return refuse(parsed.error(), is_step, environment);
    if (const auto* answer = std::get_if<options::Answer>(&*parsed)) {
        std::fputs(spoken(answer->text, environment).c_str(), answer->was_asked ? stdout : stderr);
        return static_cast<int>(answer->was_asked ? options::ExitCode::complete : options::ExitCode::usage);
    }
    auto& invocation = std::get<options::Invocation>(*parsed);
    invocation.settings.typed.program = options::program_name(called_as, environment);
    invocation.settings.executable = own_executable(called_as, environment);
    if (is_step) {
        std::fputs(masks_of(invocation.settings).c_str(), stdout);
        std::fflush(stdout);
    }
    // Without a home what is learnt goes with the run: no folder that others may write to keeps it.
    std::optional<TemporaryDirectory> state;
    if (options::state_directory_of(invocation.settings, environment).empty()) {
        auto made = TemporaryDirectory::make("cachefill-state");
        if (!made) return refuse(made.error(), is_step, environment);
        state.emplace(std::move(*made));
        invocation.settings.state_directory = state->path();
        invocation.remarks.push_back({.severity = event::Severity::info,
                                      .text = "this user has no home, so nothing that is learnt is kept",
                                      .hint = "--state-directory names a place for it"});
    }
    std::optional<CiSetup> ci;
    if (invocation.command == options::Command::ci) {
        auto setup = set_up_ci(invocation.settings, environment);
        if (!setup) return refuse(setup.error(), is_step, environment, invocation.settings.json);
        ci = std::move(*setup);
    }
    try {
        boost::asio::io_context loop(1);
        int exit_code = static_cast<int>(options::ExitCode::machine);
        std::vector<std::string> replacement;
        std::exception_ptr thrown;
        auto keep = [&thrown](std::exception_ptr error) { thrown = std::move(error); };
        boost::asio::co_spawn(loop,
                              run_invocation(invocation, ci ? &*ci : nullptr, environment, exit_code, replacement),
                              std::move(keep));
        loop.run();
        if (thrown) std::rethrow_exception(thrown);
        state.reset();
        if (!replacement.empty()) return become(replacement, environment);
        return exit_code;
    } catch (const std::exception& error) {
        std::fprintf(stderr,
                     "error: cachefill itself failed: %s\n  hint:  this is a bug; what was pushed stays in the cache\n",
                     error.what());
        return static_cast<int>(options::ExitCode::machine);
    }
}

int with_what_was_printed(int exit_code, const Environment& environment) {
    if (!is_output_lost()) return exit_code;
    std::fputs(spoken(render(output_is_lost()) + "\n", environment).c_str(), stderr);
    return exit_code == 0 ? static_cast<int>(options::ExitCode::machine) : exit_code;
}

} // namespace

int run_program(const std::string& called_as, const std::vector<std::string>& arguments) {
    if (auto given = Environment::of_this_process(); async::stands_before_git(called_as, given))
        return refuse(async::go_on_as_git(arguments, given), given);
    forbid_core_files();
    ::umask(::umask(0) | S_IWOTH); // nothing that is made here may be written by everybody
    allow_many_files();
    for (int number : {SIGPIPE, SIGXFSZ}) std::signal(number, SIG_IGN); // to be told of it where it happens
    auto environment = Environment::of_this_process();
    hide_in_foreign_text(secret_values(environment));
    return with_what_was_printed(perform(called_as, arguments, environment), environment);
}

} // namespace cachefill::app
