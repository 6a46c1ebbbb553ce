#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::test {

// As much of a terminal as the live block uses: text, newline, carriage return, cursor up, erase to the end of the line
// and of the screen, colours and modes (ignored), wrapping at the right edge. Cells are bytes' characters of UTF-8,
// each one column wide.
class Screen {
  public:
    explicit Screen(std::size_t width) : width_(width) {}

    void write(std::string_view text) {
        for (std::size_t i = 0; i < text.size();) {
            if (text[i] == '\x1b') {
                i = escape(text, i);
            } else if (text[i] == '\n') {
                ++row_, column_ = 0, ++i;
            } else if (text[i] == '\r') {
                column_ = 0, ++i;
            } else {
                auto lead = static_cast<unsigned char>(text[i]);
                std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
                put(std::string(text.substr(i, length)));
                i += length;
            }
        }
    }

    // As terminals do that reflow: lines longer than the new width wrap.
    void resize(std::size_t width) {
        std::vector<std::vector<std::string>> reflowed;
        std::size_t row_now = row_;
        for (std::size_t r = 0; r < rows_.size(); ++r) {
            if (r == row_) row_now = reflowed.size();
            auto& cells = rows_[r];
            for (std::size_t start = 0; start == 0 || start < cells.size(); start += width)
                reflowed.emplace_back(cells.begin() + static_cast<std::ptrdiff_t>(start),
                                      cells.begin() +
                                          static_cast<std::ptrdiff_t>(std::min(cells.size(), start + width)));
        }
        row_ = row_ >= rows_.size() ? reflowed.size() + (row_ - rows_.size()) : row_now;
        rows_ = std::move(reflowed);
        width_ = width;
    }

    std::string text() const {
        std::string all;
        for (const auto& cells : rows_) {
            std::string line;
            for (const auto& cell : cells) line += cell;
            while (line.ends_with(' ')) line.pop_back();
            all += line + "\n";
        }
        while (all.ends_with("\n\n")) all.pop_back();
        return all == "\n" ? "" : all;
    }
    bool wrapped() const { return wrapped_; }

  private:
    std::vector<std::string>& row() {
        if (rows_.size() <= row_) rows_.resize(row_ + 1);
        return rows_[row_];
    }
    void put(std::string cell) {
        if (column_ >= width_) ++row_, column_ = 0, wrapped_ = true;
        auto& cells = row();
        if (cells.size() <= column_) cells.resize(column_ + 1, " ");
        cells[column_++] = std::move(cell);
    }
    std::size_t escape(std::string_view text, std::size_t i) {
        auto end = text.find_first_of("ABCDHJKmhl", i + 2);
        auto parameters = text.substr(i + 2, end - i - 2);
        if (text[end] == 'A') row_ -= std::min<std::size_t>(row_, std::stoul(std::string(parameters)));
        if (text[end] == 'K' && row().size() > column_) row().resize(column_);
        if (text[end] == 'J') {
            if (row().size() > column_) row().resize(column_);
            rows_.resize(row_ + 1);
        }
        return end + 1;
    }

    std::size_t width_, row_ = 0, column_ = 0;
    bool wrapped_ = false;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace cachefill::test
