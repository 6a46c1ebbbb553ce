#include "fill/closures.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

std::chrono::sys_seconds day(int number) { return std::chrono::sys_seconds(std::chrono::hours(24) * number); }

struct Scene : Machine {
    StoreConnection connection{infos};

    std::multiset<std::string> closure(std::vector<nix::StorePath> roots) {
        std::multiset<std::string> names;
        auto body = [&](async::Executor) -> async::Task<void> {
            auto found = co_await fill::closure_of(connection, std::move(roots));
            BOOST_REQUIRE(found.has_value());
            for (const auto& info : *found) names.emplace(info.path.name());
        };
        run_task<void>(body);
        return names;
    }

    // What is to be pushed of a generation, and when Nix registered that.
    std::multiset<std::string> built_for(nix::StorePath generation, std::chrono::sys_seconds since = {}) {
        std::multiset<std::string> names;
        auto body = [&](session::Session& session) -> async::Task<void> {
            auto found = co_await fill::built_for_generation(session, connection, generation, since);
            BOOST_REQUIRE(found.has_value());
            for (const auto& item : found->paths) {
                names.emplace(item.path.name());
                BOOST_TEST(item.nar_size == infos.at(item.path).nar_size);
            }
            registered = found->registered;
        };
        run(body);
        return names;
    }
    std::chrono::sys_seconds registered{};

    nix::StorePath derivation(const std::string& name, const std::vector<nix::StorePath>& inputs,
                              const nix::StorePath& output) {
        std::string text;
        for (const auto& input : inputs)
            text += std::string(text.empty() ? "" : ",") + "(\"" + input.to_string() + "\",[\"out\"])";
        auto path = add(name + ".drv");
        write("root" + path.to_string(), "Derive([(\"out\",\"" + output.to_string() + "\",\"\",\"\")],[" + text +
                                             "],[],\"x86_64-linux\",\"/bin/sh\",[],[])");
        return path;
    }
};

using Names = std::multiset<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(closures, Scene)

BOOST_AUTO_TEST_CASE(everything_below_is_found_once_and_what_is_not_valid_is_passed_over) {
    auto libc = add("libc");
    auto gone = some_path("gone");
    auto lib = add("lib", {libc, gone});
    auto top = add("top", {lib, libc});
    infos.at(top).references.push_back(top); // as many do
    add("unrelated");
    BOOST_TEST((closure({top}) == Names{"top", "lib", "libc"}));
    BOOST_TEST((closure({top, lib}) == Names{"top", "lib", "libc"}));
    BOOST_TEST((closure({gone}) == Names{}));
    BOOST_TEST((closure({}) == Names{}));
}

BOOST_AUTO_TEST_CASE(of_many_paths_a_thousand_are_asked_about_at_a_time) {
    std::vector<nix::StorePath> leaves;
    for (int i = 0; i < 2500; ++i) leaves.push_back(add("leaf" + std::to_string(i)));
    auto top = add("top", leaves);
    BOOST_TEST(closure({top}).size() == 2501U);
    BOOST_TEST((connection.questions == std::vector<std::size_t>{1, 1000, 1000, 500}));
}

BOOST_AUTO_TEST_CASE(a_daemon_that_does_not_answer_is_a_failure_and_no_empty_closure) {
    auto top = add("top");
    connection.failure = Failure(FailureKind::store, "the daemon hung up");
    auto body = [&](async::Executor) -> async::Task<void> {
        std::vector<nix::StorePath> roots{top};
        auto found = co_await fill::closure_of(connection, std::move(roots));
        BOOST_REQUIRE(!found.has_value());
        BOOST_TEST(found.error().cause() == "the daemon hung up");
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(of_a_generation_what_was_built_here_is_taken_and_itself_whoever_built_it) {
    auto fetched = add("fetched");
    infos.at(fetched).ultimate = false;
    auto built = add("built", {fetched});
    auto top = add("nixos-system", {built, fetched});
    infos.at(top).registration_time = day(7);
    BOOST_TEST((built_for(top) == Names{"nixos-system", "built"}));
    BOOST_TEST((registered == day(7)));
    BOOST_TEST((connection.rooted == std::vector<nix::StorePath>{top})); // or it is collected meanwhile
    infos.at(top).ultimate = false;
    BOOST_TEST((built_for(top) == Names{"nixos-system", "built"}));
}

BOOST_AUTO_TEST_CASE(what_was_built_before_the_moment_is_left_out) {
    auto old = add("old"), young = add("young", {old});
    auto top = add("nixos-system", {young});
    infos.at(old).registration_time = day(1);
    infos.at(young).registration_time = day(5);
    infos.at(top).registration_time = day(6);
    BOOST_TEST((built_for(top, day(5)) == Names{"nixos-system", "young"}));
    BOOST_TEST((built_for(top, day(6)) == Names{"nixos-system"}));
    BOOST_TEST((built_for(top, day(9)) == Names{"nixos-system"}));
}

BOOST_AUTO_TEST_CASE(what_was_built_for_it_and_is_not_in_its_closure_belongs_to_it) {
    auto tool = add("tool"), source = add("source");
    infos.at(source).ultimate = false;
    auto top = add("nixos-system");
    auto tool_drv = derivation("tool", {}, tool);
    auto source_drv = derivation("source", {}, source);
    infos.at(top).deriver = derivation("nixos-system", {tool_drv, source_drv}, top);
    BOOST_TEST((built_for(top) == Names{"nixos-system", "tool"})); // no derivations, nothing that was fetched
    infos.erase(tool);
    BOOST_TEST((built_for(top) == Names{"nixos-system"}));
}

BOOST_AUTO_TEST_CASE(a_generation_that_was_collected_holds_nothing) {
    BOOST_TEST((built_for(some_path("gone")) == Names{}));
}

BOOST_AUTO_TEST_SUITE_END()
