#include "app/terminal_asker.hpp"

#include "app/voice.hpp"
#include "report/prose.hpp"

#include <cstdio>
#include <unistd.h>

namespace cachefill::app {

std::optional<TerminalAsker> TerminalAsker::find(const async::Executor& executor) {
    if (!::isatty(STDIN_FILENO) || !::isatty(STDOUT_FILENO)) return {};
    auto input = LineInput::open(executor);
    if (!input) return {};
    return TerminalAsker(std::move(*input));
}

async::Task<std::optional<std::string>> TerminalAsker::ask(std::string question) {
    auto columns = terminal_columns(stdout).value_or(1);
    std::fputs(report::wrap_sentences(question, columns - 1).c_str(), stdout); // the cursor stays behind the question
    std::fflush(stdout);
    co_return co_await input_.line();
}

} // namespace cachefill::app
