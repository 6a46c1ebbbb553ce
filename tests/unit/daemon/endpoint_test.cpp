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
    BOOST_TEST(find("", {{"NIX_REMOTE", "daemon"}}).socket == "/nix/var/nix/daemon-socket/socket");
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
        auto path = nix::StorePath::parse_base_name("00000000000000000000000000000000-x").value();
        BOOST_TEST(found.physical(path) == "/mnt/store/nix/store/00000000000000000000000000000000-x");
    }
    BOOST_TEST((find("/").command == Command{"nix-daemon", "--stdio", "--store", "local"}));
    BOOST_TEST(find("/").physical_root.empty());
}

BOOST_AUTO_TEST_CASE(other_stores_are_refused_by_name) {
    for (const auto* uri : {"https://u:secret@cache.nixos.org", "ssh://host", "local?root=relative", "local?root=",
                            "local?root=/a&store=/b", "unix://relative", "unix:///s?root=/x", "nonsense"}) {
        auto found = find_endpoint(uri, Environment());
        BOOST_REQUIRE(!found);
        BOOST_TEST((found.error().kind() == FailureKind::usage));
        BOOST_TEST(found.error().cause().find("secret") == std::string::npos);
    }
    Environment environment;
    environment.set("NIX_REMOTE", "ssh://host");
    auto from_environment = find_endpoint("", environment);
    BOOST_TEST(from_environment.error().cause().find("NIX_REMOTE") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
