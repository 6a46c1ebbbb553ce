#pragma once

#include "async/child_process.hpp"

#include <optional>
#include <string>

namespace cachefill::app {

// The lines of our standard input, while signals are seen: a terminal, a pipe, a file. It stays blocking for whoever
// shares it.
class LineInput {
  public:
    // Nothing where the standard input is closed.
    static std::optional<LineInput> open(const async::Executor& executor);
    static constexpr std::size_t longest = 64 << 10;

    // The next line, without its end; the last may have none, and one that is longer than anybody's comes in pieces of
    // at least `longest`. Nothing at the end, where it cannot be read, and when the
    // caller is cancelled, which notices at its next await.
    async::Task<std::optional<std::string>> line();

  private:
    explicit LineInput(async::StreamDescriptor input) : input_(std::move(input)) {}

    async::StreamDescriptor input_;
    std::string read_; // beyond the last line: who pastes gives several at once
};

} // namespace cachefill::app
