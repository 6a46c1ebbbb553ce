#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Pieces of GitHub's Markdown that hold foreign text as text, whatever it contains.
namespace cachefill::report::markdown {

// A sentence: what Markdown, HTML or GitHub (mentions, issue numbers) would read as more than letters is escaped.
std::string text(std::string_view foreign);
// A name between backticks, on one line; usable in a table.
std::string code(std::string_view foreign);
// The same outside of tables, where "|" is a letter.
std::string code_in_text(std::string_view foreign);
// Lines as a block of code, which no line of them can end. Longer lines than `width` are cut in the middle.
std::string code_block(const std::vector<std::string>& lines, std::size_t width);
// What is folded away until somebody clicks on the title (HTML, made with html()).
std::string details(std::string_view title, std::string_view body, bool open = false);
// For inside of an HTML element.
std::string html(std::string_view foreign);

// Rows of cells that are Markdown already; the first row is the heading. `numbers`: which columns stand right.
std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& numbers);

} // namespace cachefill::report::markdown
