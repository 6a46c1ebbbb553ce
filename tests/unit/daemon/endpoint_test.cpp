#include "base/files.hpp"
#include "daemon/connection.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::daemon;

namespace {

using Command = std::vector<std::string>;

Endpoint find(const std::string& uri, std::map<std::string, std::string> variables = {}) {
    return find_endpoint(uri, Environment(std::move(variables))).value();
}

const auto some_path = nix::StorePath::parse_base_name("00000000000000000000000000000000-x").value();

} // namespace

BOOST_AUTO_TEST_SUITE(endpoint)

BOOST_AUTO_TEST_CASE(who_may_write_the_state_directory_talks_to_a_child) {
    auto state = TemporaryDirectory::make("cachefill-state-").value();
    auto found = find("", {{"NIX_STATE_DIR", state.path()}, {"CACHIX_AUTH_TOKEN", "secret"}, {"HOME", "/h"}});
    BOOST_TEST((found.command == Command{"nix-daemon", "--stdio"}));
    BOOST_TEST(found.physical_root.empty());
    BOOST_TEST(!found.environment.find("CACHIX_AUTH_TOKEN").has_value());
    BOOST_TEST(found.environment.get_or("HOME") == "/h");
}

BOOST_AUTO_TEST_CASE(daemon_means_the_socket_wherever_it_was_put) {
    BOOST_TEST(find("daemon").socket == "/nix/var/nix/daemon-socket/socket");
    BOOST_TEST(find("daemon", {{"NIX_STATE_DIR", "/state"}}).socket == "/state/daemon-socket/socket");
    BOOST_TEST(find("daemon", {{"NIX_DAEMON_SOCKET_PATH", "/run/nix"}}).socket == "/run/nix");
    BOOST_TEST(find("unix:///run/other").socket == "/run/other");
    BOOST_TEST(find("unix://").socket == "/nix/var/nix/daemon-socket/socket");
}

BOOST_AUTO_TEST_CASE(local_stores_are_served_by_a_child_that_does_not_pass_on_to_a_socket) {
    auto local = find("local", {{"NIX_REMOTE", "daemon"}});
    BOOST_TEST((local.command == Command{"nix-daemon", "--stdio", "--store", "local"}));
    BOOST_TEST(!local.environment.find("NIX_REMOTE").has_value());
    for (const auto* uri : {"local?root=/mnt/store", "/mnt/store", "/mnt/store/"}) {
        auto found = find(uri);
        BOOST_TEST((found.command == Command{"nix-daemon", "--stdio", "--store", "local?root=/mnt/store"}));
        BOOST_TEST(found.physical(some_path) == "/mnt/store/nix/store/00000000000000000000000000000000-x");
    }
    BOOST_TEST((find("/").command == Command{"nix-daemon", "--stdio", "--store", "local"}));
    BOOST_TEST(find("/").physical_root.empty());
}

BOOST_AUTO_TEST_CASE(a_root_is_decoded_as_nix_decodes_it_and_other_parameters_are_kept) {
    auto found = find("local?require-sigs=false&root=/mnt/my%20store");
    BOOST_TEST((found.command ==
                Command{"nix-daemon", "--stdio", "--store", "local?require-sigs=false&root=/mnt/my%20store"}));
    BOOST_TEST(found.physical(some_path) == "/mnt/my store" + some_path.to_string());
    auto path = find("/mnt/a#b%20c"); // a path is no URL
    BOOST_TEST(path.physical_root == "/mnt/a#b%20c");
    BOOST_TEST(path.command.back() == "local?root=/mnt/a%23b%2520c");
    BOOST_TEST(find("./some/../store").physical_root == std::filesystem::current_path() / "store");
}

BOOST_AUTO_TEST_CASE(stores_are_understood_as_newer_nix_writes_them) {
    BOOST_TEST((find("local://").command == Command{"nix-daemon", "--stdio", "--store", "local"}));
    BOOST_TEST(find("local://?root=/mnt/store").physical_root == "/mnt/store");
    BOOST_TEST(find("local:///mnt/a%20b").physical_root == "/mnt/a b");
    BOOST_TEST(find("local:///mnt/a?root=/mnt/b").physical_root == "/mnt/b");
    BOOST_TEST(find("unix://?root=/mnt/b").physical_root == "/mnt/b");
}

BOOST_AUTO_TEST_CASE(a_daemon_may_serve_a_store_with_another_root) {
    auto found = find("unix:///run/other?root=/mnt/store");
    BOOST_TEST(found.socket == "/run/other");
    BOOST_TEST(found.physical(some_path) == "/mnt/store" + some_path.to_string());
    BOOST_TEST(find("daemon?root=/mnt/store").physical_root == "/mnt/store");
}

// Seen with Nix 2.26 and 2.34; 2.8 fails instead.
BOOST_AUTO_TEST_CASE(a_user_without_nix_has_a_store_of_his_own) {
    if (std::filesystem::exists("/nix/var/nix")) return; // then nobody has
    Environment environment({{"HOME", "/home/kim"}, {"NIX_DAEMON_SOCKET_PATH", "/nonexistent/socket"}});
    auto find_for = [&environment](std::uint64_t minor, unsigned user = 1000) {
        nix::Version version{.text = {}, .major = 2, .minor = minor};
        return find_endpoint("auto", environment, version, user).value();
    };
    BOOST_TEST((find_for(26, 0).command == Command{"nix-daemon", "--stdio"})); // root makes /nix
    BOOST_TEST(find_for(8).socket == "/nonexistent/socket");
    BOOST_TEST(find_for(26).physical_root == "/home/kim/.local/share/nix/root");
    environment.set("XDG_DATA_HOME", "/data");
    BOOST_TEST(find_for(26).physical_root == "/data/nix/root");
    environment.set("NIX_DATA_HOME", "/own");
    BOOST_TEST(find_for(26).physical_root == "/own/root");
    BOOST_TEST(find_for(18).physical_root == "/data/nix/root");
    environment.set("NIX_STATE_DIR", "/nonexistent/state");
    BOOST_TEST(find_for(26).socket == "/nonexistent/socket");
}

BOOST_AUTO_TEST_CASE(other_stores_are_refused_by_name) {
    for (const auto* uri : {"https://u:secret@cache.nixos.org", "ssh://host", "local?root=relative",
                            "local?root=", "local?root=/a&store=/b", "local?real=/a", "unix://relative", "nonsense"}) {
        auto found = find_endpoint(uri, Environment());
        BOOST_TEST_CONTEXT(uri) {
            BOOST_REQUIRE(!found);
            BOOST_TEST((found.error().kind() == FailureKind::usage));
            BOOST_TEST(found.error().cause().find("secret") == std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
