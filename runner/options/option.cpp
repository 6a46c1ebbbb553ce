#include "base/text.hpp"
#include "options/option_values.hpp"
#include "options/options.hpp"

#include <algorithm>
#include <map>

namespace cachefill::options {

std::string_view to_string(Command command) {
    switch (command) {
    case Command::run:
        return "run";
    case Command::plan:
        return "plan";
    case Command::push:
        return "push";
    case Command::verify:
        return "verify";
    case Command::ci:
        return "ci";
    case Command::doctor:
        return "doctor";
    case Command::wait:
        return "wait";
    case Command::guard:
        return "guard";
    case Command::init:
        return "init";
    case Command::report:
        return "report";
    case Command::login:
        return "login";
    case Command::use:
        return "use";
    }
    return "run";
}

const std::vector<Command>& command_list() {
    static const std::vector<Command> list{Command::run,  Command::plan,   Command::push, Command::verify,
                                           Command::ci,   Command::doctor, Command::wait, Command::guard,
                                           Command::init, Command::login,  Command::use,  Command::report};
    return list;
}

std::string Option::flag() const {
    std::string text = "--" + key;
    std::replace(text.begin(), text.end(), '.', '-');
    return text;
}

// Of those that people type, as other tools of this kind have them.
std::string Option::short_flag() const {
    static const std::map<std::string_view, std::string_view> letters{
        {"host", "-H"}, {"hosts", "-H"}, {"dry-run", "-n"}, {"json", "-o"}, {"quiet", "-q"}, {"verbose", "-v"}};
    auto found = letters.find(key);
    return found == letters.end() ? std::string() : std::string(found->second);
}

std::string Option::variable(std::string_view prefix) const {
    std::string name(prefix);
    for (char c : key)
        name += c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

std::string Option::form() const {
    if (type == OptionType::toggle) return flag();
    return flag() + (type == OptionType::maybe_value ? "" : " ") + placeholder;
}

bool Option::in_environment() const {
    return in_config() || key == "store" || key == "kind" || key == "expect" || key == "needs";
}

std::string Option::where_from() const {
    switch (where) {
    case Where::anywhere:
        return "anywhere";
    case Where::merged:
        return "anywhere; of a pull request, its base branch only";
    case Where::looking:
        return "outside; to look only, anywhere";
    case Where::outside: {
        std::vector<std::string> values;
        for (const auto& value : anywhere_if) values.push_back("'" + value + "'");
        return values.empty() ? "outside" : "outside; " + join(values, ", ") + " anywhere";
    }
    case Where::flag:
        return in_environment() ? "flag or environment" : "flag";
    }
    return {};
}

bool Option::may_stand_in_checkout(Command command, const std::vector<std::string>& values) const {
    // To a cache, a token to its server, or what it has into this machine's trust.
    constexpr unsigned pushes = bits(Command::run, Command::push, Command::ci, Command::login, Command::use);
    switch (where) {
    case Where::anywhere:
    case Where::merged:
        return true;
    case Where::looking:
        return !(bit(command) & pushes) && std::none_of(values.begin(), values.end(), names_trusted_cache);
    case Where::outside:
        return std::find(anywhere_if.begin(), anywhere_if.end(), values.back()) != anywhere_if.end();
    case Where::flag:
        return false;
    }
    return false;
}

} // namespace cachefill::options
