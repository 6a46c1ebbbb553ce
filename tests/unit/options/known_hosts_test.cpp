// Which hosts a shell is offered, without an evaluation.
#include "base/files.hpp"
#include "options/known_hosts.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace cachefill;
using namespace cachefill::options;

namespace {

using Words = std::vector<std::string>;

// A machine with a flake.
class Machine {
  public:
    std::string flake() const { return flake_.path().string(); }
    std::filesystem::path state() const { return state_.path(); }
    void write(const std::string& name, const std::string& text) const {
        auto file = flake_.path() / name;
        BOOST_REQUIRE(cachefill::create_directories(file.parent_path()).has_value());
        BOOST_REQUIRE(write_file_atomically(file, text).has_value());
    }
    std::string offers(const Words& words, const std::string& usual_flake = {}) const {
        Environment environment({{"CACHEFILL_STATE_DIRECTORY", state().string()},
                                 {"NH_FLAKE", usual_flake.empty() ? flake() : usual_flake}});
        return offered_hosts(words, environment);
    }

  private:
    TemporaryDirectory flake_ = TemporaryDirectory::make("cachefill-flake").value();
    TemporaryDirectory state_ = TemporaryDirectory::make("cachefill-state").value();
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(known_hosts, Machine)

BOOST_AUTO_TEST_CASE(what_was_listed_last_is_offered_without_kinds_unless_one_was_begun) {
    write("flake.nix", "{ }");
    remember_hosts(state(), flake(), {"nixos:nas", "nixos:navi", "darwin:mac", "home:kim@nas"});
    BOOST_TEST(offers({"doctor", ""}) == "kim@nas\nmac\nnas\nnavi\n");
    BOOST_TEST(offers({"doctor", "na"}) == "nas\nnavi\n");
    BOOST_TEST(offers({"run", "--hosts", "nixos:"}) == "nixos:nas\nnixos:navi\n");
    remember_hosts(state(), flake(), {"nixos:other"});
    BOOST_TEST(offers({"doctor", ""}) == "other\n");
}

BOOST_AUTO_TEST_CASE(the_flake_is_the_one_that_the_command_line_names) {
    Machine other;
    write("flake.nix", "{ }");
    other.write("flake.nix", "{ }");
    remember_hosts(state(), flake(), {"nixos:mine"});
    remember_hosts(state(), other.flake(), {"nixos:theirs"});
    BOOST_TEST(offers({"wait", ""}) == "mine\n");
    BOOST_TEST(offers({"plan", other.flake(), ""}) == "theirs\n");
    BOOST_TEST(offers({"doctor", "--flake", other.flake(), ""}) == "theirs\n");
    BOOST_TEST(offers({"wait", ""}, flake() + "/./") == "mine\n"); // by another path
}

BOOST_AUTO_TEST_CASE(what_a_shell_might_take_for_more_than_a_name_is_not_offered) {
    write("flake.nix", "{ nixosConfigurations = { \"$(reboot)\" = 1; \"a b\" = 2; \"-rf\" = 3; good = 4; }; }");
    BOOST_TEST(offers({"doctor", ""}) == "good\n");
    remember_hosts(state(), flake(), {"nixos:`x`", "nixos:fine", "nixos:a\nb", "nixos:;c"});
    BOOST_TEST(offers({"doctor", ""}) == "fine\n");
}

BOOST_AUTO_TEST_CASE(before_a_first_listing_the_text_of_the_flake_is_read) {
    BOOST_TEST(
        written_hosts("outputs = _: { nixosConfigurations.nas = f { a.b = 1; }; nixosConfigurations.\"box\" = 2; }") ==
            (Words{"nixos:nas", "nixos:box"}),
        boost::test_tools::per_element());
    BOOST_TEST(written_hosts(R"(
        # nixosConfigurations were called otherwise
        nixosConfigurations = {
            nas = lib.nixosSystem { modules = [ ({ a = 1; b = "} \" }"; }) ]; }; # { x = 1; }
            "desk-top".x = ''
              } no = end;
            '';
            inherit (x) other;
            last = 1;
        };
        homeConfigurations."kim@nas" = home { };
        darwinConfigurations = builtins.mapAttrs (name: value: { }) { };)") ==
                   (Words{"nixos:nas", "nixos:desk-top", "nixos:last", "home:kim@nas"}),
               boost::test_tools::per_element());
    for (const char* odd : {"", "nixosConfigurations", "nixosConfigurations.", "nixosConfigurations = {",
                            "nixosConfigurations = { a = \"", "nixosConfigurations = { a = ''\\",
                            "nixosConfigurations.\"x", "nixosConfigurations == 1", "homeConfigurations = { }; "})
        BOOST_TEST(written_hosts(odd).size() <= 1U, odd);
}

BOOST_AUTO_TEST_CASE(a_flake_made_of_folders_is_read_by_their_names) {
    write("flake.nix", "{ outputs = inputs: inputs.framework.lib.flake ./.; }");
    write("hosts/nas/default.nix", "");
    write("hosts/box.nix", "");
    write("hosts/default.nix", "");
    write("hosts/README.md", "");
    BOOST_TEST(offers({"verify", ""}) == "box\nnas\n");
}

BOOST_AUTO_TEST_CASE(what_a_link_of_the_checkout_leads_to_is_not_offered) {
    Machine other;
    other.write("flake.nix", "{ nixosConfigurations.secret = 1; }");
    other.write("folders/secret/default.nix", "");
    namespace fs = std::filesystem;
    fs::create_symlink(fs::path(other.flake()) / "flake.nix", fs::path(flake()) / "flake.nix");
    fs::create_directory_symlink(fs::path(other.flake()) / "folders", fs::path(flake()) / "hosts");
    BOOST_TEST(offers({"doctor", ""}).empty());
    fs::remove(fs::path(flake()) / "flake.nix");
    write("flake.nix", "{ }");
    BOOST_TEST(offers({"doctor", ""}).empty());
    write("machines/box.nix", "");
    BOOST_TEST(offers({"doctor", ""}) == "box\n");
}

BOOST_AUTO_TEST_CASE(what_others_may_write_in_the_state_is_not_offered) {
    namespace fs = std::filesystem;
    write("flake.nix", "{ }");
    remember_hosts(state(), flake(), {"nixos:mine"});
    BOOST_TEST(offers({"doctor", ""}) == "mine\n");
    fs::permissions(state() / "hosts", fs::perms::others_write, fs::perm_options::add);
    BOOST_TEST(offers({"doctor", ""}).empty());
    fs::permissions(state() / "hosts", fs::perms::others_write, fs::perm_options::remove);
    fs::permissions(state(), fs::perms::others_write, fs::perm_options::add);
    BOOST_TEST(offers({"doctor", ""}).empty());
}

// 20 s of Tab before there was a bound.
BOOST_AUTO_TEST_CASE(a_text_that_begins_a_list_everywhere_takes_no_time, *boost::unit_test::timeout(20)) {
    std::string text;
    while (text.size() < 1'000'000) text += "nixosConfigurations={a[ ";
    BOOST_TEST(written_hosts(text + "darwinConfigurations.mac = 1;").size() <= 1'000U);
}

BOOST_AUTO_TEST_CASE(nothing_is_offered_and_nothing_said_where_nothing_is_known) {
    BOOST_TEST(offers({"doctor", ""}).empty());
    BOOST_TEST(offers({}).empty());
    BOOST_TEST(offers({"doctor", ""}, "github:o/r").empty());
    remember_hosts({}, flake(), {"nixos:nas"}); // without a home
    remember_hosts(state(), "https://kim:geheim@example.org/f", {"nixos:nas"});
    BOOST_TEST(!std::filesystem::exists(state() / "hosts"));
}

BOOST_AUTO_TEST_CASE(the_oldest_flakes_are_forgotten) {
    for (int i = 0; i < 40; ++i) remember_hosts(state(), "github:o/r" + std::to_string(i), {"nixos:nas"});
    BOOST_TEST(remembered_hosts(state(), "github:o/r0").empty());
    BOOST_TEST(remembered_hosts(state(), "github:o/r39") == Words{"nixos:nas"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
