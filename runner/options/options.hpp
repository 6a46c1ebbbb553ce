#pragma once

#include "base/result.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::options {

struct Settings;

enum class Command : unsigned {
    run = 1,
    plan = 2,
    push = 4,
    verify = 8,
    ci = 16,
    doctor = 32,
    wait = 64,
    guard = 128,
    init = 256,
    report = 512,
    login = 1024,
    use = 2048
};
inline constexpr unsigned bit(Command command) { return static_cast<unsigned>(command); }
template <class... Commands> constexpr unsigned bits(Commands... commands) { return (bit(commands) | ...); }
std::string_view to_string(Command command);
const std::vector<Command>& command_list(); // in the order in which help tells them

// A table is a list whose entries ("NAME=VALUE,field=VALUE,flag") may be written as a mapping in the configuration.
// `maybe_value` may be given a value by "=" ("--shards", "--shards=8"); without one its value is "true".
enum class OptionType { toggle, value, maybe_value, list, table };

// Where a value may come from. The flake's own cachefill.yml is in the hands of whoever wrote the flake: of a pull
// request, a colleague's checkout, a repository from the net. So what can leak, trust, push elsewhere, run code or turn
// red into green is decided outside of it: by flag, environment, input of the action, or a file that a person vouches
// for (options/config_files.hpp says which those are).
enum class Where {
    anywhere, // in the flake's own file, too
    merged,  // the same, but it makes less of a run, or says where it runs: a change that wants to be merged cannot say
             // it of itself
    looking, // there only for commands that push nothing
    outside, // not there, but for the values that keep everything as tight as it is
    flag,    // in no file at all
};

// What a value with a login in it ("https://kim:password@host") is to an option.
enum class Login {
    refused, // a mistake: it would be told
    taken,   // an address, which hides a login by itself; or a text of GitHub's
};

// One thing a user can set: flag, configuration key, help. This table is the one source of all of them.
struct Option {
    std::string
        key; // of the configuration; "upstreams.from-hosts" is nested there and --upstreams-from-hosts as a flag
    OptionType type;
    unsigned commands; // that know the flag
    Where where;
    std::string placeholder; // "NAME"
    std::string group;       // heading in the help
    std::string help;        // one line
    std::string detail;      // the rest, shown by --help only
    // A toggle gets {"true"} or {"false"}. Failures say what is expected; the caller adds where it came from.
    std::function<Result<void>(Settings&, const std::vector<std::string>&)> apply;
    // The configuration may also write it as a mapping, `KEY: [a, b]` or `KEY: a`: its values are then "KEY:a",
    // "KEY:b".
    bool may_be_mapping = false;
    // Values of Where::outside that may stand anywhere.
    std::vector<std::string> anywhere_if = {};
    Login login = Login::refused;

    bool in_config() const { return where != Where::flag; } // may it stand in a file?
    // The column of help and documentation.
    std::string where_from() const;
    // Do these values count from the flake's own file?
    bool may_stand_in_checkout(Command command, const std::vector<std::string>& values) const;
    std::string form() const;                                           // "--hosts PATTERN", "--shards[=MAX]", "--yes"
    std::string flag() const;                                           // "--upstreams-from-hosts"
    std::string short_flag() const;                                     // "-H"; empty: it has none
    std::string variable(std::string_view prefix = "CACHEFILL_") const; // "CACHEFILL_UPSTREAMS_FROM_HOSTS"
    bool in_environment() const;                                        // does the program read that variable?
};

const std::vector<Option>& option_table();
const Option* find_option(std::string_view key);

} // namespace cachefill::options
