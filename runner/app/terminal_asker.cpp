#include "app/terminal_asker.hpp"

#include "app/voice.hpp"
#include "report/prose.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <unistd.h>

namespace cachefill::app {

std::optional<TerminalAsker> TerminalAsker::find(const async::Executor& executor) {
    if (!::isatty(STDIN_FILENO) || !::isatty(STDOUT_FILENO)) return {};
    FileDescriptor input(::dup(STDIN_FILENO)); // closed with us
    if (!input.is_open()) return {};
    return TerminalAsker(async::StreamDescriptor(executor, input.release()));
}

async::Task<std::optional<std::string>> TerminalAsker::ask(std::string question) {
    std::fputs(report::wrap_sentences(question, terminal_columns(stdout).value_or(0)).c_str(), stdout);
    std::fflush(stdout);
    for (;;) {
        if (auto end = read_.find('\n'); end != read_.npos) {
            auto line = read_.substr(0, end);
            read_.erase(0, end + 1);
            co_return line;
        }
        auto [error] = co_await input_.async_wait(async::StreamDescriptor::wait_read, async::use_task_tuple);
        // A terminal's own lines come whole, and the descriptor stays blocking for whoever shares it.
        std::array<char, 4096> piece{};
        auto count = error ? 0 : ::read(input_.native_handle(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) co_return std::nullopt;
        read_.append(piece.data(), static_cast<std::size_t>(count));
    }
}

} // namespace cachefill::app
