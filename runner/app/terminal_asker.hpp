#pragma once

#include "async/child_process.hpp"
#include "init/init_questions.hpp"

namespace cachefill::app {

// The person at the terminal that is our standard input and output. While an answer is waited for signals are seen.
class TerminalAsker final : public init::Asker {
  public:
    // Nothing where there is no such terminal.
    static std::optional<TerminalAsker> find(const async::Executor& executor);

    async::Task<std::optional<std::string>> ask(std::string question) override;

  private:
    explicit TerminalAsker(async::StreamDescriptor input) : input_(std::move(input)) {}
    async::StreamDescriptor input_;
    std::string read_; // beyond the last line: who pastes gives several at once
};

} // namespace cachefill::app
