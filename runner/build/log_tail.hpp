#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::build {

// The last lines of one build's log, bounded in lines and in bytes per line.
class LogTail {
  public:
    void add(std::string_view line) {
        if (lines_.size() == max_lines) lines_.pop_front();
        lines_.emplace_back(line.substr(0, max_line_bytes));
    }
    std::vector<std::string> lines() const { return {lines_.begin(), lines_.end()}; }
    std::string_view last() const { return lines_.empty() ? std::string_view() : std::string_view(lines_.back()); }

  private:
    static constexpr std::size_t max_lines = 50;
    static constexpr std::size_t max_line_bytes = 2000;
    std::deque<std::string> lines_;
};

} // namespace cachefill::build
