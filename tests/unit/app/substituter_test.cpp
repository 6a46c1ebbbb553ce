#include "app/ci_substituter.hpp"
#include "options/settings.hpp"
#include "support/twins.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;

namespace {

const std::string key = "own.example-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

// A step whose runner has a file for variables of later steps.
struct Step : Twins {
    Step() {
        machine.environment.set("PATH", machine.path("bin").string());
        machine.environment.set("GITHUB_ENV", machine.path("env").string());
        machine.write("env", "");
        machine.settings.trusted_public_keys = {key};
        own.substituter_url = "https://own.example";
    }

    // Why it could not be done; "" if nothing is to be said.
    std::string offer() {
        std::optional<event::Message> message;
        play([&](session::Session& session) -> async::Task<void> {
            auto found = co_await session.preflight(session::Session::Need::reading, true);
            BOOST_TEST(found.empty());
            message = app::offer_substituter(session);
        });
        if (!message) return {};
        BOOST_TEST((message->severity == event::Severity::notice));
        constexpr std::string_view before = "later steps of this job do not fetch from the cache: ";
        BOOST_TEST(message->text.starts_with(before));
        hint = message->hint;
        return message->text.substr(std::min(before.size(), message->text.size()));
    }
    // What the runner would take from the file: the value between the two lines of the delimiter.
    std::string nix_config() const {
        auto text = read_file(machine.path("env")).value();
        if (!text.starts_with("NIX_CONFIG<<")) return text;
        auto line = text.find('\n');
        auto delimiter = text.substr(12, line - 12);
        return text.substr(line + 1, text.find("\n" + delimiter, line) - line - 1);
    }

    std::string hint;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(substituter, Step)

BOOST_AUTO_TEST_CASE(later_steps_ask_the_cache_and_believe_it) {
    BOOST_TEST(offer() == "");
    BOOST_TEST(nix_config() == "extra-substituters = https://own.example\nextra-trusted-public-keys = " + key);
}

BOOST_AUTO_TEST_CASE(what_they_were_told_before_stays) {
    for (const std::string before : {"extra-platforms = aarch64-linux", "extra-platforms = aarch64-linux\n"}) {
        machine.write("env", "");
        machine.environment.set("NIX_CONFIG", before);
        BOOST_TEST(offer() == "");
        BOOST_TEST(nix_config().starts_with("extra-platforms = aarch64-linux\nextra-substituters = "));
    }
}

BOOST_AUTO_TEST_CASE(a_login_of_one_step_is_not_handed_on) {
    for (const std::string config : {"cores = 1\nextra-access-tokens = github.com=x", "access-tokens=github.com=x",
                                     "substituters = https://kim:pw@cache.example"}) {
        machine.environment.set("NIX_CONFIG", config);
        BOOST_TEST(offer() == "NIX_CONFIG holds a login, which is this step's alone");
        BOOST_TEST(nix_config() == "");
    }
}

BOOST_AUTO_TEST_CASE(nor_is_one_in_the_address_of_the_cache) {
    own.address().name = "https://own.example";
    machine.settings.cache = GivenUrl("https://kim:pw@own.example");
    BOOST_TEST(offer() == "its address holds a login, which is this step's alone");
    BOOST_TEST(nix_config() == "");
}

BOOST_AUTO_TEST_CASE(who_does_not_want_it_or_has_no_such_file_hears_nothing) {
    machine.settings.substituter = false;
    BOOST_TEST(offer() == "");
    machine.settings.substituter = true;
    own.substituter_url.clear(); // nothing that Nix could fetch from
    BOOST_TEST(offer() == "");
    own.substituter_url = "https://own.example";
    machine.environment.set("GITHUB_ENV", "");
    BOOST_TEST(offer() == "");
    BOOST_TEST(nix_config() == "");
}

BOOST_AUTO_TEST_CASE(a_cache_that_tells_no_key_is_not_believed_in) {
    machine.settings.trusted_public_keys.clear();
    BOOST_TEST(offer() == "its public key is not known");
    BOOST_TEST(hint == "name it with trusted-public-keys");
    BOOST_TEST(nix_config() == "");
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_is_told_and_costs_nothing_else) {
    machine.environment.set("GITHUB_ENV", machine.path("no-folder/env").string());
    BOOST_TEST(offer().find("No such file or directory") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
