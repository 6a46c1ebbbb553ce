#pragma once

#include "report/joined.hpp"

#include <string>
#include <string_view>

// The comment on a pull request: one, kept up to date.
namespace cachefill::report {

// What it begins with, and nobody sees: by it the comment is found again.
inline constexpr std::string_view comment_mark = "<!-- cachefill: report -->";

// Of the run whose jobs reported; all may be empty.
struct CommentPlace {
    std::string commit;
    std::string run_url;
    bool is_foreign = false; // a stranger's code may have written the reports
};

// Is there anything to begin a comment with: a package that changed, a warning or an error?
bool is_worth_a_comment(const Joined& joined);

// GitHub's Markdown, below its limit of 65 536 characters. Foreign text stands in code only, where Markdown neither
// formats nor links, and GitHub notifies nobody and marks no other issue as mentioned.
std::string to_comment(const Joined& joined, const CommentPlace& place);

} // namespace cachefill::report
