#include "options/host_choice.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::options;
using eval::TargetKind;

BOOST_AUTO_TEST_SUITE(host_choice)

namespace {

eval::TargetRef host(TargetKind kind, const std::string& name) {
    return {.kind = kind, .name = name, .attribute_path = {}};
}
// A machine and a user who both go by the name "desk", a Mac of that name, and homes of every spelling.
const std::vector<eval::TargetRef> fleet{host(TargetKind::nixos, "desk"),     host(TargetKind::nixos, "nas.lan"),
                                         host(TargetKind::darwin, "desk"),    host(TargetKind::home, "kim@desk"),
                                         host(TargetKind::home, "kim"),       host(TargetKind::home, "desk"),
                                         host(TargetKind::home, "root@desk"), host(TargetKind::home, "lee@nas.lan")};

HostWanted on_desk(std::optional<TargetKind> kind = {}, std::string name = {}) {
    return {.host = std::move(name), .kind = kind, .machines = {"desk.lan", "desk"}, .users = {"kim"}};
}
std::string chosen(const HostWanted& wanted, const std::vector<eval::TargetRef>& found = fleet) {
    auto result = choose_host(found, wanted);
    return result ? result->display() : "none: " + result.error().one_line() + " / " + result.error().hint();
}
bool says(const std::string& text, std::string_view words) { return text.find(words) != text.npos; }

} // namespace

BOOST_AUTO_TEST_CASE(the_kind_decides_among_hosts_of_one_name) {
    BOOST_TEST(chosen(on_desk(TargetKind::nixos)) == "nixos:desk");
    BOOST_TEST(chosen(on_desk(TargetKind::darwin)) == "darwin:desk");
    BOOST_TEST(chosen(on_desk(TargetKind::home)) == "home:kim@desk");
    BOOST_TEST(chosen(on_desk(TargetKind::home, "desk")) == "home:desk");
    BOOST_TEST(chosen(on_desk(TargetKind::darwin, "desk")) == "darwin:desk");
}

BOOST_AUTO_TEST_CASE(without_a_kind_the_machine_comes_before_the_home) {
    BOOST_TEST(chosen(on_desk()) == "nixos:desk");
    BOOST_TEST(chosen(on_desk(), {fleet[3], fleet[4]}) == "home:kim@desk");
    BOOST_TEST(chosen(on_desk(), {fleet[4]}) == "home:kim");
    BOOST_TEST(chosen(on_desk({}, "home:desk")) == "home:desk");
}

BOOST_AUTO_TEST_CASE(a_home_is_sought_as_home_manager_does) {
    HostWanted wanted{.host = {}, .kind = TargetKind::home, .machines = {"nas.lan", "nas"}, .users = {"lee"}};
    BOOST_TEST(names_of(wanted) == (std::vector<std::string>{"lee@nas.lan", "lee@nas", "lee"}),
               boost::test_tools::per_element());
    BOOST_TEST(chosen(wanted) == "home:lee@nas.lan");
    // sudo -u lee, typed by kim
    wanted.users = {"root", "kim"};
    wanted.machines = {"desk"};
    BOOST_TEST(chosen(wanted) == "home:root@desk");
}

BOOST_AUTO_TEST_CASE(a_machine_goes_by_its_whole_name_too) {
    HostWanted wanted{.host = {}, .kind = TargetKind::nixos, .machines = {"nas.lan", "nas"}, .users = {"lee"}};
    BOOST_TEST(chosen(wanted) == "nixos:nas.lan");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_not_replaced_by_another_kind) {
    auto text = chosen(on_desk(TargetKind::home), {fleet[0]});
    BOOST_TEST(says(text, "no home configuration named 'kim@desk.lan' or 'kim@desk' or 'kim'"), text);
    text = chosen(on_desk(TargetKind::nixos), {fleet[3]});
    BOOST_TEST(says(text, "no NixOS host named 'desk.lan' or 'desk'"), text);
    // The command tells the kind: nothing else will do, whatever it is called.
    auto wanted = on_desk(TargetKind::nixos, "kim@desk");
    wanted.only_this_kind = true;
    BOOST_TEST(says(chosen(wanted), "no NixOS host 'kim@desk'"), chosen(wanted));
    wanted.host = "home:kim@desk";
    BOOST_TEST(says(chosen(wanted), "switches a NixOS host, which home:kim@desk is not"), chosen(wanted));
    // The module that installed us only prefers one.
    BOOST_TEST(chosen(on_desk(TargetKind::home, "nas.lan")) == "nixos:nas.lan");
    BOOST_TEST(says(chosen(on_desk({}, "dekk")), "did you mean"));
}

BOOST_AUTO_TEST_CASE(the_word_for_a_host_means_no_other) {
    BOOST_TEST(word_for(fleet[1], fleet) == "nas.lan");
    BOOST_TEST(word_for(fleet[0], fleet) == "nixos:desk");
    BOOST_TEST(word_for(fleet[3], fleet) == "home:kim@desk");
}

BOOST_AUTO_TEST_CASE(the_flake_of_nh_is_that_of_its_subcommand) {
    Environment environment({{"NH_FLAKE", "/all"}, {"NH_HOME_FLAKE", "/homes#homeConfigurations.kim"}});
    auto of = [&](const std::vector<std::string>& words) {
        return default_flake_of(parse_switch_command(words).value(), environment);
    };
    BOOST_TEST(of({"nh", "home", "switch"}) == "/homes#homeConfigurations.kim");
    BOOST_TEST(of({"nh", "os", "switch"}) == "/all");
    BOOST_TEST(of({"env", "NH_OS_FLAKE=/mine", "nh", "os", "switch"}) == "/mine");
    BOOST_TEST(of({"nh", "clean", "all"}).empty());
    BOOST_TEST(of({"make"}).empty());
}

BOOST_AUTO_TEST_SUITE_END()
