#pragma once

#include "async/task.hpp"
#include "init/init_plan.hpp"

namespace cachefill::init {

// Somebody who can be asked: a person at a terminal, in tests a list.
class Asker {
  public:
    virtual ~Asker() = default;
    // One line, without its end; nothing when there is nobody any more (end of file).
    virtual async::Task<std::optional<std::string>> ask(std::string question) = 0;
};

// Asks what only a person can decide, with what is in `answers` as the answer that Enter takes. Nothing if the one who
// was asked went away.
async::Task<std::optional<Answers>> ask_answers(const InitFacts& facts, Answers answers, Asker& asker);

// "[Y/n]": asked until it is yes or no.
async::Task<std::optional<bool>> ask_yes(Asker& asker, std::string question, bool otherwise);

} // namespace cachefill::init
