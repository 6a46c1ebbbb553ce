#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::report {

enum class Tone { plain, good, bad, warn, dim, strong };

// Colours that only repeat what the words say already.
class Style {
  public:
    explicit Style(bool color) : color_(color) {}
    std::string operator()(Tone tone, std::string_view text) const;

  private:
    bool color_;
};

// Columns of text, padded to the widest cell of each. Tones are applied after padding, so that colour codes do not
// count.
class Table {
  public:
    enum class Align { left, right };
    struct Cell {
        std::string text;
        Tone tone = Tone::plain;
    };

    explicit Table(std::vector<Align> alignment) : alignment_(std::move(alignment)) {}
    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    bool empty() const { return rows_.empty(); }
    // Lines with a newline each. Where the table is wider than `width`, the first column is cut in the middle.
    std::string render(const Style& style, std::size_t width) const;

  private:
    std::vector<Align> alignment_;
    std::vector<std::vector<Cell>> rows_;
};

// "0:42", "12:05", "2:10:00": short and of steady width, for what is still running.
std::string clock_text(std::chrono::milliseconds duration);

// The part of a store path that people know: without directory, hash and ".drv".
std::string path_name(std::string_view store_path);

// "a, b, c and 4 more": at most `most` of them.
std::string listed(const std::vector<std::string>& names, std::size_t most);

} // namespace cachefill::report
