// The completion of bash, by bash itself.
#include "base/files.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "options/manual.hpp"
#include "options/options.hpp"
#include "options/settings.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>

using namespace cachefill;
using namespace cachefill::options;

namespace {

using Words = std::vector<std::string>;

// What the program says of hosts, by the words that it is asked with.
constexpr std::string_view answers = R"(
cachefill() {
    [[ $1 == help && $2 == --completion-hosts ]] || return 1
    for host in nas navi nixos:nas 'home:kim@nas' "in-$3-${#@}"; do
        if [[ $host == "${!#}"* ]]; then echo "$host"; fi
    done
}
)";

// A folder with a file and a folder in it, where bash is asked what it would offer; the last word is the one begun.
class Shell {
  public:
    Shell() {
        BOOST_REQUIRE(write_file_atomically(script_.path() / "script", completion("bash").value()).has_value());
        BOOST_REQUIRE(write_file_atomically(place("fleet.yml"), "").has_value());
        BOOST_REQUIRE(cachefill::create_directories(place("hosts")).has_value());
    }

    // Each command line in turn, one bash for them all.
    std::vector<Words> offers(const std::vector<Words>& lines) const {
        std::string script = "set -u; cd " + shell_word(directory_.path().string()) + "; . " +
                             shell_word((script_.path() / "script").string()) + "\n" + std::string(answers);
        for (const auto& line : lines)
            script += "COMP_WORDS=(" + shell_command(line) + ") COMP_CWORD=" + std::to_string(line.size() - 1) +
                      "; _cachefill; printf '%s ' \"${COMPREPLY[@]+${COMPREPLY[@]}}\"; echo\n";
        auto command = "bash --norc --noprofile -c " + shell_word(script) + " 2>&1";
        std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
        std::string text;
        for (int c; (c = std::fgetc(pipe.get())) != EOF;) text += static_cast<char>(c);
        std::vector<Words> offers;
        for (auto line : split(std::string_view(text), '\n')) {
            auto words = split_words(line);
            offers.emplace_back(words.begin(), words.end());
        }
        offers.pop_back(); // behind the last line's end
        BOOST_REQUIRE_MESSAGE(offers.size() == lines.size(), text);
        return offers;
    }
    Words offer(const Words& line) const { return offers({line}).front(); }

  private:
    std::filesystem::path place(const std::string& name) const { return directory_.path() / name; }
    TemporaryDirectory script_ = TemporaryDirectory::make("cachefill-completion").value();
    TemporaryDirectory directory_ = TemporaryDirectory::make("cachefill-completion").value();
};

bool holds(const Words& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(bash_completion, Shell)

BOOST_AUTO_TEST_CASE(the_first_word_is_a_command) {
    auto all = offer({"cachefill", ""});
    for (auto command : command_list()) BOOST_TEST(holds(all, std::string(to_string(command))), to_string(command));
    BOOST_TEST(holds(all, "help"));
    BOOST_TEST(holds(all, "--version"));
    BOOST_TEST(offer({"cachefill", "ver"}) == Words{"verify"}, boost::test_tools::per_element());
    BOOST_TEST(offer({"cachefill", "xyz"}).empty());
    BOOST_TEST(holds(offer({"cachefill", "help", "do"}), "doctor"));
}

BOOST_AUTO_TEST_CASE(a_command_is_offered_its_own_flags_and_no_other_commands) {
    std::vector<Words> lines;
    for (auto command : command_list()) lines.push_back({"cachefill", std::string(to_string(command)), "-"});
    auto all = offers(lines);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto command = command_list()[i];
        BOOST_TEST(holds(all[i], "--help"));
        BOOST_TEST(holds(all[i], "--config"));
        for (const auto& option : option_table()) {
            bool is_known = (option.commands & bit(command)) != 0;
            // A short letter or a name may stand for another option of this command.
            auto is_other = [&](const Option& other) {
                return (other.commands & bit(command)) && other.flag() == option.flag();
            };
            is_known = is_known || std::any_of(option_table().begin(), option_table().end(), is_other);
            BOOST_TEST(holds(all[i], option.flag()) == is_known, to_string(command) << " " << option.flag());
            if (is_known && option.type == OptionType::toggle)
                BOOST_TEST(holds(all[i], "--no-" + option.flag().substr(2)), to_string(command)
                                                                                 << " " << option.flag());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_value_is_one_of_its_choices_or_a_file_or_ones_own) {
    auto all = offers({{"cachefill", "run", "--color", ""},
                       {"cachefill", "run", "--color", "a"},
                       {"cachefill", "run", "--json", "fl"},
                       {"cachefill", "run", "--config", ""},
                       {"cachefill", "run", "--cache", ""},
                       {"cachefill", "run", "--hosts", "fl"},
                       {"cachefill", "run", "-H", "fl"}});
    std::sort(all[0].begin(), all[0].end());
    BOOST_TEST(all[0] == (Words{"always", "auto", "never"}), boost::test_tools::per_element());
    std::sort(all[1].begin(), all[1].end());
    BOOST_TEST(all[1] == (Words{"always", "auto"}), boost::test_tools::per_element());
    BOOST_TEST(all[2] == Words{"fleet.yml"}, boost::test_tools::per_element());
    BOOST_TEST(holds(all[3], "fleet.yml"));
    BOOST_TEST(all[4].empty());
    BOOST_TEST(all[5].empty());
    BOOST_TEST(all[6].empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_flag_may_be_a_file) {
    auto all = offers({{"cachefill", "run", ""}, {"cachefill", "push", "ho"}, {"cachefill", "run", "--deep", "fl"}});
    BOOST_TEST(holds(all[0], "hosts"));
    BOOST_TEST(all[1] == Words{"hosts"}, boost::test_tools::per_element());
    BOOST_TEST(all[2] == Words{"fleet.yml"}, boost::test_tools::per_element()); // a toggle takes no value
}

BOOST_AUTO_TEST_CASE(a_host_is_one_that_the_program_knows) {
    auto all = offers({{"cachefill", "doctor", "na"},
                       {"cachefill", "run", "--hosts", "nav"},
                       {"cachefill", "plan", "-H", "na"},
                       {"cachefill", "verify", "fleet"},
                       {"cachefill", "run", ""},
                       {"cachefill", "push", "na"},
                       {"cachefill", "doctor", "-v", "in"}});
    BOOST_TEST(all[0] == (Words{"nas", "navi"}), boost::test_tools::per_element());
    BOOST_TEST(all[1] == Words{"navi"}, boost::test_tools::per_element());
    BOOST_TEST(all[2] == (Words{"nas", "navi"}), boost::test_tools::per_element());
    BOOST_TEST(all[3].empty()); // verify takes no folder
    BOOST_TEST(holds(all[4], "nas"));
    BOOST_TEST(holds(all[4], "hosts")); // a folder, for a flake
    BOOST_TEST(all[5].empty());
    BOOST_TEST(all[6] == Words{"in-doctor-5"}, boost::test_tools::per_element()); // the whole line is told
}

BOOST_AUTO_TEST_CASE(every_choice_that_is_offered_is_taken) {
    for (const auto& option : option_table())
        for (const auto& choice : choices_of(option)) {
            Settings settings;
            BOOST_TEST(option.apply(settings, {choice}).has_value(), option.key << " " << choice);
        }
}

BOOST_AUTO_TEST_SUITE_END()
