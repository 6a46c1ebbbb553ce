#pragma once

#include "app/line_input.hpp"
#include "init/init_questions.hpp"

namespace cachefill::app {

// The person at the terminal that is our standard input and output. While an answer is waited for signals are seen.
class TerminalAsker final : public init::Asker {
  public:
    // Nothing where there is no such terminal.
    static std::optional<TerminalAsker> find(const async::Executor& executor);

    async::Task<std::optional<std::string>> ask(std::string question) override;

  private:
    explicit TerminalAsker(LineInput input) : input_(std::move(input)) {}
    LineInput input_;
};

} // namespace cachefill::app
