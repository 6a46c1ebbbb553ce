#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What a step says to its runner through its output: workflow commands, lines that begin with "::". Every function here
// returns text; nobody but the owner of the stream writes it.
namespace cachefill::github {

std::string escape_data(std::string_view text);     // behind the last "::"
std::string escape_property(std::string_view text); // of "name=value"

enum class Level { notice, warning, error };
std::string_view to_string(Level level);

// A remark that GitHub shows beside the run, and at a line of a file if that is given.
struct Annotation {
    Level level = Level::notice;
    std::string title;
    std::string message;      // longer than 4096 characters: its middle is left out, as GitHub would cut its end
    std::string file;         // relative to the repository
    std::uint64_t line = 0;   // 0: unknown
    std::uint64_t column = 0; // 0: unknown
};
std::string to_command(const Annotation& annotation);

// GitHub keeps ten annotations of each level of a step, whatever else is printed. The tenth is held back until the end,
// when it is either the only one left or says how many more there were.
class AnnotationBudget {
  public:
    static constexpr std::size_t per_level = 10;

    // The command to print now; empty if it is held back.
    std::string add(Annotation annotation);
    // Commands for what was held back.
    std::string close();

  private:
    struct Kept {
        std::size_t shown = 0;
        std::vector<Annotation> held;
        std::size_t more = 0;
    };
    Kept levels_[3];
};

std::string group(std::string_view title); // "::group::title\n"
std::string end_group();
// "::add-mask::…" for a secret and for each of its lines; GitHub shows "***" instead from then on. Empty if there is
// nothing to mask.
std::string mask(std::string_view secret);

// From here on commands are text, until resume_commands() with the same token.
std::string stop_commands(std::string_view token);
std::string resume_commands(std::string_view token);
// 128 random bits in hexadecimal: a token or delimiter that no foreign text can hold.
std::string random_token();

// A line of text without any command in it: "##[…" counts anywhere in a line, "::" at its start. Long lines are cut in
// the middle. Newlines stay what they are, each line is looked at for itself.
std::string harmless(std::string_view text);

// The same of JSON, which means what it did: the sequence can only stand in a string.
std::string harmless_json(std::string json);

} // namespace cachefill::github
