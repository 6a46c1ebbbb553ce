#include "options/help.hpp"

#include "base/text.hpp"
#include "options/settings.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace cachefill::options {

namespace {

constexpr std::size_t columns = 80;
constexpr std::size_t text_column = 28; // where the help of an option begins

std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; })); // of UTF-8
}

// Words in lines of at most 80 columns. All begin at column `indent`, but for the first, which continues `first`.
std::string wrapped(std::string_view prose, std::size_t indent, std::string first = {}) {
    std::string text, line = std::move(first);
    line.append(indent - std::min(indent, width(line)), ' ');
    bool is_empty = true;
    for (auto word : split_words(prose)) {
        if (!is_empty && width(line) + 1 + width(word) > columns) {
            text += line + "\n";
            line.assign(indent, ' ');
            is_empty = true;
        }
        line += (is_empty ? "" : " ") + std::string(word);
        is_empty = false;
    }
    return text + line + "\n";
}

std::string option_entry(const Option& option, bool full) {
    std::string names = "  " + (option.short_flag().empty() ? "" : option.short_flag() + ", ") + option.form();
    std::string text;
    if (names.size() + 2 > text_column) {
        text = names + "\n";
        names.clear();
    }
    text += wrapped(option.help, text_column, names);
    if (full && !option.detail.empty()) text += wrapped(option.detail, text_column);
    if (full && option.in_config() && option.where != Where::anywhere)
        text += wrapped("Where from: " + option.where_from() + ".", text_column);
    return text;
}

} // namespace

const CommandHelp& help_of(Command command) {
    static const std::map<Command, CommandHelp> table{
        {Command::run,
         {"cachefill run [FLAKE] [HOST…] --cache CACHE [options]",
          "Evaluates every host of the flake, or those named, asks the caches what is missing, builds only that and "
          "pushes each output the moment it exists; asks again at the end whether every host can be fetched whole."}},
        {Command::plan,
         {"cachefill plan [FLAKE] [HOST…] --cache CACHE [options]",
          "What 'run' would build, fetch and push. Changes nothing."}},
        {Command::push,
         {"cachefill push [PATH…] --cache CACHE [options]\ncachefill push --watch [options]\ncachefill push --status",
          "Pushes store paths (default: the running system and this user's home generation) with whatever of their "
          "closures is not there. '-' reads paths from standard input. --watch is a service that pushes what gets "
          "built on this machine; docs/desktop.md shows how to set it up."}},
        {Command::ci,
         {"cachefill ci [FLAKE] [options]",
          "What 'run' does, as a step of GitHub Actions: reads the inputs of the action (CACHEFILL_INPUT_*), writes "
          "annotations, the summary and the outputs of the step. docs/github.md has the rules."}},
        {Command::verify,
         {"cachefill verify [HOST|PATH…] --cache CACHE [options]",
          "Asks the cache afresh, as a consumer would. Exit 0 only if everything can be fetched. A store path is "
          "checked as it is; a host is evaluated first."}},
        {Command::doctor,
         {"cachefill doctor [HOST] [options]\ncachefill doctor [options] -- COMMAND…",
          "Evaluates a host (default: the one of this machine's name; or what COMMAND would switch to) and asks the "
          "caches, as this machine's Nix would, what switching to it would compile here; and says why, and what to "
          "do. Exit 0: nothing."}},
        {Command::wait,
         {"cachefill wait [HOST] [options]\ncachefill wait [options] -- COMMAND…",
          "Follows the workflow runs of this commit and ends as soon as the host is complete in the cache (exit 0), "
          "or as soon as it is certain that it will not be (exit 1). COMMAND only tells which host; it is not run."}},
        {Command::guard,
         {"cachefill guard [options] -- COMMAND…",
          "Runs a command such as 'nh os switch' only if nothing heavy would be compiled here; else says why, as "
          "'doctor' does (exit 1). The host is of the kind that the command switches, and is evaluated once: nh gets "
          "the store path."}},
        {Command::init,
         {"cachefill init [FLAKE] [--cache CACHE] [options]",
          "Looks at the flake, its repository and the workflows there, asks what only you can know, shows what it "
          "would write, and writes a workflow for GitHub and a configuration that fit. Overwrites nothing."}},
        {Command::login,
         {"cachefill login [CACHE] [options]\ncachefill login --forget [CACHE]",
          "Asks for a token without showing it (or reads it from standard input), tries it, says what it may do, and "
          "stores it for this user. run, push and the others take it where CACHIX_AUTH_TOKEN or its like is not "
          "set."}},
        {Command::use,
         {"cachefill use [CACHE] [options]",
          "Asks the cache for its address and public key, and prints the lines that make a machine fetch from it: for "
          "NixOS, home-manager, nix.conf and a workflow. --apply adds them to nix.conf."}},
        {Command::report,
         {"cachefill report [FILE|DIRECTORY…] [options]",
          "Joins the JSON reports and findings of several jobs, names jobs that never reported, and sends one message "
          "to the webhook in CACHEFILL_NOTIFY_URL when there is something to say. --html FILE writes a page to look "
          "at, CACHEFILL_COMMENT=true keeps a comment on the pull request up to date."}},
    };
    return table.at(command);
}

std::string help_text() {
    struct Row {
        std::string_view left, right;
    };
    // As one comes to need them; a row without a text begins a group.
    static constexpr std::array<Row, 15> commands{
        {{"To fill a cache from here:", ""},
         {"login [CACHE]", "store the token of a cache where every command finds it"},
         {"plan [FLAKE]", "show what a run would do, and why"},
         {"run [FLAKE]", "evaluate every host, build what the cache lacks, push it while building"},
         {"verify [HOST…]", "ask the cache, as a consumer would, whether each host is there whole"},
         {"push [PATH…]", "push store paths and their closures (default: the running system)"},
         {"To have GitHub fill it:", ""},
         {"init [FLAKE]", "write a workflow and a configuration for this flake"},
         {"ci [FLAKE]", "the same as run, as a step of GitHub Actions"},
         {"report [FILE…]", "join the reports of several jobs; send a message when there is something to say"},
         {"On the machines that fetch from it:", ""},
         {"use [CACHE]", "the lines that make a machine fetch from the cache; --apply adds them here"},
         {"doctor [HOST]", "would switching to this host compile something here; what, and why"},
         {"wait [HOST]", "until the host is complete in the cache"},
         {"guard -- CMD…", "runs CMD only if nothing heavy would be compiled"}}};
    static constexpr std::array<Row, 4> examples{
        {{"run --cache my-cache .", "fill a Cachix cache (first: cachefill login my-cache)"},
         {"run --cache file:///tmp/cache .", "try it out with a directory as the cache"},
         {"plan --cache my-cache nas", "what is missing for one host"},
         {"wait && nh os switch", "on a machine that only fetches"}}};
    constexpr std::size_t commands_end = 29, examples_end = 47;
    std::string text = "cachefill fills a Nix binary cache before any of your machines asks for it.\n\n";
    for (const auto& row : commands) {
        if (row.right.empty())
            text += std::string(row.left) + "\n";
        else
            text += wrapped(row.right, commands_end, "  cachefill " + std::string(row.left));
    }
    text += "\n" +
            wrapped("FLAKE is a directory or any flake reference; without it $NH_FLAKE, else the current "
                    "directory.",
                    0) +
            "\n";
    for (const auto& row : examples) text += wrapped(row.right, examples_end, "  cachefill " + std::string(row.left));
    return text + "\n" +
           wrapped("'cachefill help COMMAND' explains one command. Settings may also stand in cachefill.yml.", 0) +
           "\n" +
           wrapped("Exit codes: 0 complete · 1 something did not evaluate or build · 2 wrong use · 3 built but not "
                   "all in the cache · 4 stopped at the deadline · 5 the machine or a service could not · 130/143 "
                   "interrupted",
                   0);
}

std::string help_text(Command command, bool full) {
    const auto& about = help_of(command);
    std::string text = std::string(about.usage) + "\n\n" + wrapped(about.description, 0);
    std::string group;
    for (const auto& option : option_table()) {
        if (!(option.commands & bit(command))) continue;
        if (option.group != group) {
            group = option.group;
            text += "\n" + group + ":\n";
        }
        text += option_entry(option, full);
    }
    text += "\n" + wrapped("Where from: a key may stand in the flake's own cachefill.yml, too, unless 'outside' is "
                           "said of it. Outside of the flake are flags, CACHEFILL_ variables, inputs of the action, "
                           "~/.config/cachefill/cachefill.yml and --config FILE.",
                           0);
    text += "\n" + wrapped("Lists: give the option several times. Toggles have a --no- form. --config FILE names "
                           "another cachefill.yml.",
                           0);
    return text;
}

} // namespace cachefill::options
