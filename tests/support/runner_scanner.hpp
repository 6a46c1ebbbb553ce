#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::test {

// Reads a step's output as GitHub's runner does (actions/runner, ActionCommandManager): both spellings of commands,
// only registered names, nothing but the resume token while they are stopped, ten annotations of each level kept.
class RunnerScanner {
  public:
    struct Command {
        std::string name; // lower case
        std::map<std::string, std::string> properties;
        std::string data;
    };

    void read(std::string_view output);

    std::vector<Command> commands;    // that had an effect, in order; "add-mask" among them
    std::vector<Command> annotations; // those that are kept
    std::vector<std::string> text;    // lines that are only shown
    bool is_stopped() const { return !stop_token_.empty(); }
    int open_groups = 0;

  private:
    void line(std::string_view line);
    bool is_registered(const std::string& name) const;
    bool parse(std::string_view line, Command& command) const;
    bool parse_old_form(std::string_view line, Command& command) const;

    std::string stop_token_, rest_;
};

} // namespace cachefill::test
