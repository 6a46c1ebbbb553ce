#include "app/bell.hpp"

#include "async/child_process.hpp"
#include "options/exit_code.hpp"

#include <cstdio>
#include <unistd.h>

namespace cachefill::app {

using options::ExitCode;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 5s;

std::string_view in_words(ExitCode code) {
    switch (code) {
    case ExitCode::complete:
        return "complete";
    case ExitCode::failed:
        return "something failed";
    case ExitCode::usage:
        return "wrong use";
    case ExitCode::not_in_cache:
        return "not all of it is in the cache";
    case ExitCode::deadline:
        return "stopped at the deadline";
    case ExitCode::machine:
        return "this machine or a service could not";
    case ExitCode::interrupted:
    case ExitCode::terminated:
        return "interrupted";
    }
    return "ended";
}

} // namespace

std::string ended_in_words(std::string_view command, int exit_code) {
    return std::string(command) + " has ended: " + std::string(in_words(static_cast<ExitCode>(exit_code)));
}

async::Task<void> ring(Environment environment, std::string text) {
    if (::isatty(STDERR_FILENO)) {
        std::fputc('\a', stderr);
        std::fflush(stderr);
    }
    async::ProcessSpec spec;
    spec.environment = environment.without_our_secrets();
    if (async::find_program("notify-send", spec.environment))
        spec.arguments = {"notify-send", "--app-name=cachefill", "cachefill", std::move(text)};
    else if (async::find_program("osascript", spec.environment)) // the text is an argument, not part of the script
        spec.arguments = {"osascript",
                          "-e",
                          "on run argv",
                          "-e",
                          "display notification (item 1 of argv) with title \"cachefill\"",
                          "-e",
                          "end run",
                          std::move(text)};
    if (spec.arguments.empty()) co_return;
    auto shown = co_await async::run_process(std::move(spec), patience);
    static_cast<void>(shown);
}

} // namespace cachefill::app
