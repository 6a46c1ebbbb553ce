#include "base/files.hpp"
#include "base/text.hpp"
#include "event/event.hpp"
#include "http/client.hpp"
#include "presence/nix_configuration.hpp"
#include "support/http_server.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

using namespace cachefill;
using namespace cachefill::presence;
namespace fs = std::filesystem;

namespace {

struct Messages final : event::Sink {
    std::vector<event::Message> all;
    void on_event(const event::Event& event) override {
        if (const auto* message = std::get_if<event::Message>(&event)) all.push_back(*message);
    }
};

// A directory with a home and, first on PATH, a nix that prints these settings and counts how often it was asked.
struct Machine {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-configuration-").value();
    Environment environment;
    Messages messages;

    explicit Machine(const std::string& settings) {
        fs::create_directories(path("home"));
        fs::create_directories(path("bin"));
        environment.set("HOME", path("home").string());
        environment.set("PATH", path("bin").string() + ":" + Environment::of_this_process().get_or("PATH"));
        if (settings.empty()) {
            environment.set("PATH", path("bin").string());
            return;
        }
        write("settings.json", settings);
        write("bin/nix", "#!/bin/sh\ncase \"$*\" in --version) echo 'nix (Nix) 2.30.1' ;; *) echo asked >> " +
                             path("asked").string() + "; cat " + path("settings.json").string() + " ;; esac\n");
        fs::permissions(path("bin/nix"), fs::perms::owner_all);
    }
    fs::path path(const std::string& name) const { return directory.path() / name; }
    void write(const std::string& name, const std::string& text) const {
        BOOST_REQUIRE(write_file_atomically(path(name), text).has_value());
    }
    std::string times_asked() const { return read_file(path("asked")).value_or("never"); }

    // What servers answer to one client for all of `urls`.
    std::vector<int> get_all(std::vector<std::string> urls) {
        auto run = [&](async::Executor executor) -> async::Task<std::vector<int>> {
            NixConfiguration configuration(executor, environment, {});
            auto client = make_client_like_nix(executor, configuration, environment, messages);
            async::TaskGroup group(executor);
            std::vector<int> statuses(urls.size());
            auto ask = [](http::Client& asked, std::string url, int& status) -> async::Task<void> {
                http::Request request(http::Method::get, std::move(url));
                auto response = co_await asked.send(std::move(request));
                status = response ? response->status : -1;
            };
            for (std::size_t i = 0; i < urls.size(); ++i) group.spawn(ask(*client, urls[i], statuses[i]));
            co_await group.join();
            co_return statuses;
        };
        return test::run_task<std::vector<int>>(run);
    }
};

std::string settings_with(const std::string& more) { return R"({"system": {"value": "x86_64-linux"})" + more + "}"; }

std::string netrc_at(const fs::path& file) { return R"(, "netrc-file": {"value": ")" + file.string() + "\"}"; }

test::HttpServer server_for(const std::string& authorization) {
    return test::HttpServer([authorization](const test::HttpRequest& request) {
        return test::HttpReply(request.header("Authorization") == authorization ? 200 : 401);
    });
}

const std::string kim = "Basic a2ltOnMzY3JldA=="; // kim:s3cret

} // namespace

BOOST_AUTO_TEST_SUITE(nix_configuration)

BOOST_AUTO_TEST_CASE(nix_is_asked_once_and_its_netrc_used_beside_the_users) {
    Machine machine(settings_with(", \"x\": {\"value\": 1}"));
    machine.write("settings.json", settings_with(netrc_at(machine.path("nix-netrc"))));
    machine.write("nix-netrc", "machine 127.0.0.1 login kim password s3cret\n");
    machine.write("home/.netrc", "machine git.example.org login kim password other\n");
    auto server = server_for(kim);
    BOOST_TEST(
        (machine.get_all({server.url(), server.url() + "/a", server.url() + "/b"}) == std::vector<int>{200, 200, 200}));
    BOOST_TEST(machine.times_asked() == "asked\n");
    BOOST_TEST(machine.messages.all.empty());
}

BOOST_AUTO_TEST_CASE(without_nix_the_users_logins_are_used) {
    Machine machine("");
    machine.write("home/.netrc", "machine 127.0.0.1 login kim password s3cret\n");
    auto server = server_for(kim);
    BOOST_TEST((machine.get_all({server.url()}) == std::vector<int>{200}));
}

BOOST_AUTO_TEST_CASE(a_file_of_logins_that_may_not_be_read_is_named_and_ends_nothing) {
    if (::geteuid() == 0) return; // may read everything
    Machine machine(settings_with(", \"x\": {\"value\": 1}"));
    fs::create_directories(machine.path("closed"));
    for (const std::string name : {"nix-netrc", "closed/netrc"}) {
        machine.messages.all.clear();
        machine.write("settings.json", settings_with(netrc_at(machine.path(name))));
        machine.write(name, "machine 127.0.0.1 login kim password s3cret\n");
        fs::permissions(machine.path(name), fs::perms::none);
        fs::permissions(machine.path("closed"), name == "nix-netrc" ? fs::perms::owner_all : fs::perms::none);
        auto server = server_for(kim);
        BOOST_TEST((machine.get_all({server.url(), server.url()}) == std::vector<int>{401, 401}));
        BOOST_REQUIRE(machine.messages.all.size() == 1U);
        BOOST_TEST(machine.messages.all[0].text.find(machine.path(name).string()) != std::string::npos);
        fs::permissions(machine.path("closed"), fs::perms::owner_all);
    }
}

BOOST_AUTO_TEST_CASE(the_client_keeps_to_what_nix_is_limited_to) {
    daemon::Settings nix;
    Environment environment;
    BOOST_TEST(client_settings_like(nullptr, environment).connections_per_host == 0U);
    BOOST_TEST(client_settings_like(&nix, environment).connections_per_host == 0U);
    nix.http_connections = 3;
    nix.connect_timeout = std::chrono::seconds(7);
    nix.stalled_timeout = std::chrono::seconds(11);
    nix.ssl_cert_file = "/srv/ca.pem";
    auto settings = client_settings_like(&nix, environment);
    BOOST_TEST(settings.connections_per_host == 3U);
    BOOST_TEST((settings.connect_timeout == std::chrono::seconds(7)));
    BOOST_TEST((settings.stall_timeout == std::chrono::seconds(11)));
    BOOST_TEST(settings.certificates == "/srv/ca.pem");
    environment.set("NIX_SSL_CERT_FILE", "/srv/ca.pem"); // which is where Nix has it from
    BOOST_TEST(client_settings_like(&nix, environment).certificates == "");
}

BOOST_AUTO_TEST_SUITE_END()
