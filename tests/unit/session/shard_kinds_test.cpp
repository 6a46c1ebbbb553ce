#include "daemon/settings.hpp"
#include "options/settings.hpp"
#include "session/shard_kinds.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::session;

namespace {

std::vector<std::string> names(const std::vector<plan::ShardKind>& kinds) {
    std::vector<std::string> names;
    for (const auto& kind : kinds) names.push_back(kind.name);
    return names;
}

const plan::BuildAbility& machine(const std::vector<plan::ShardKind>& kinds, const std::string& name) {
    for (const auto& kind : kinds)
        if (kind.name == name) return kind.machine;
    BOOST_FAIL(name << " is no kind of shard");
    return kinds.front().machine;
}

daemon::Settings this_machine() {
    daemon::Settings nix;
    nix.system = "x86_64-linux";
    nix.system_features = {"big-parallel"};
    nix.extra_platforms = {"aarch64-linux"}; // emulated
    return nix;
}

} // namespace

BOOST_AUTO_TEST_SUITE(shard_kinds)

BOOST_AUTO_TEST_CASE(each_system_of_githubs_machines_is_one) {
    options::Settings settings;
    const std::vector<std::string> expected{"x86_64-linux", "aarch64-linux", "aarch64-darwin", "x86_64-darwin"};
    auto kinds = session::shard_kinds(settings, this_machine());
    BOOST_TEST(names(kinds) == expected, boost::test_tools::per_element());
    BOOST_TEST(machine(kinds, "x86_64-linux").platforms.contains("i686-linux"));
    BOOST_TEST(!machine(kinds, "aarch64-linux").has("kvm"));
    BOOST_TEST(machine(kinds, "aarch64-linux").has("big-parallel"));
}

BOOST_AUTO_TEST_CASE(one_like_this_machine_has_its_features_and_does_not_emulate_what_has_a_runner) {
    options::Settings settings;
    auto kinds = session::shard_kinds(settings, this_machine());
    const auto& like_this = machine(kinds, "x86_64-linux");
    BOOST_TEST(!like_this.has("kvm"));
    BOOST_TEST(!like_this.platforms.contains("aarch64-linux"));
}

BOOST_AUTO_TEST_CASE(a_runner_with_features_comes_first_and_takes_nothing_else) {
    options::Settings settings;
    settings.runners = {{"riscv64-linux", {"board"}}, {"x86_64-linux+kvm+big-parallel", {"self-hosted", "big"}}};
    auto kinds = session::shard_kinds(settings, this_machine());
    BOOST_TEST(kinds.front().name == "x86_64-linux+kvm+big-parallel");
    const std::set<std::string> expected{"kvm", "big-parallel"};
    BOOST_TEST(kinds.front().machine.mandatory_features == expected, boost::test_tools::per_element());
    BOOST_TEST(kinds.front().machine.platforms.contains("x86_64-linux"));
    BOOST_TEST(machine(kinds, "riscv64-linux").platforms.contains("riscv64-linux"));
}

BOOST_AUTO_TEST_SUITE_END()
