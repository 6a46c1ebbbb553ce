#include "base/files.hpp"
#include "daemon/settings.hpp"
#include "plan/graph.hpp"
#include "session/machines.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::session;

namespace {

daemon::Settings settings_of(std::uint64_t max_jobs, const std::string& builders) {
    daemon::Settings settings;
    settings.system = "x86_64-linux";
    settings.system_features = {"kvm"};
    settings.max_jobs = max_jobs;
    settings.builders = builders;
    return settings;
}

struct FilesOfBuilders {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-builders-").value();

    std::filesystem::path path(const std::string& name) const { return directory.path() / name; }
    void write(const std::string& name, const std::string& text) const {
        BOOST_REQUIRE(write_file_atomically(path(name), text).has_value());
    }
};

nix::StorePath some_path() { return nix::StorePath::parse_base_name(std::string(32, '1') + "-x.drv").value(); }

bool fits(const Machines& machines, const std::string& platform, const std::vector<std::string>& features = {}) {
    plan::GraphDerivation derivation{some_path(), platform, plan::DerivationKind::compile, true, features, {}, {}, {}};
    return plan::BuildAbility::fits(derivation, machines.abilities);
}

} // namespace

BOOST_AUTO_TEST_SUITE(machines)

BOOST_AUTO_TEST_CASE(a_machine_with_max_jobs_0_builds_nothing_itself) {
    auto none = machines_from(settings_of(0, ""));
    BOOST_TEST(none.local_slots == 0U);
    BOOST_TEST(none.remote_slots == 0U);
    BOOST_TEST(!fits(none, "x86_64-linux"));
    BOOST_TEST(!fits(none, "builtin"));
    BOOST_TEST(why_nothing_is_built_here(none) ==
               "this machine builds nothing itself (max-jobs = 0) and has no remote builders");
    auto forced = machines_from(settings_of(0, ""), 2);
    BOOST_TEST(forced.local_slots == 2U);
    BOOST_TEST(fits(forced, "x86_64-linux", {"kvm"}));
    BOOST_TEST(why_nothing_is_built_here(forced) == "");
    BOOST_TEST(!fits(machines_from(settings_of(4, ""), 0), "x86_64-linux"));
    auto coordinator = machines_from(settings_of(0, "ssh://arm aarch64-linux - 4 1 kvm"));
    BOOST_TEST(coordinator.remote_slots == 4U);
    BOOST_TEST(fits(coordinator, "aarch64-linux", {"kvm"}));
    BOOST_TEST(fits(coordinator, "builtin")); // any builder can
    BOOST_TEST(!fits(coordinator, "x86_64-linux"));
}

BOOST_AUTO_TEST_CASE(a_builder_with_mandatory_features_takes_only_what_requires_them) {
    auto machines = machines_from(settings_of(0, "ssh://big x86_64-linux - 1 1 kvm big-parallel,benchmark"));
    BOOST_TEST(!fits(machines, "x86_64-linux"));
    BOOST_TEST(!fits(machines, "x86_64-linux", {"big-parallel"}));
    BOOST_TEST(fits(machines, "x86_64-linux", {"benchmark", "big-parallel"}));
    BOOST_TEST(fits(machines, "x86_64-linux", {"benchmark", "big-parallel", "kvm"}));
    BOOST_TEST(!fits(machines, "x86_64-linux", {"benchmark", "big-parallel", "nixos-test"}));
}

BOOST_AUTO_TEST_CASE(builders_are_taken_apart_as_nix_does) {
    auto folder = TemporaryDirectory::make("cachefill-machines-").value();
    auto file = folder.path() / "machines";
    BOOST_REQUIRE(
        write_file_atomically(file, "ssh://a aarch64-linux,armv7l-linux - 2 # comment ; ssh://no riscv64-linux\n\n"
                                    "ssh://b aarch64-darwin /key - - - -\n@" +
                                        file.string() + "\n")
            .has_value());
    auto machines =
        machines_from(settings_of(1, "ssh://c ; @" + file.string() + "; ssh://d - - 0\nssh://e x - 100000"));
    BOOST_TEST(fits(machines, "armv7l-linux"));
    BOOST_TEST(fits(machines, "aarch64-darwin"));
    BOOST_TEST(fits(machines, "x86_64-linux"));
    BOOST_TEST(!fits(machines, "riscv64-linux"));
    BOOST_TEST(machines.remote_slots >= 1U + 2 + 1 + 64);
    BOOST_TEST(machines_from(settings_of(1, "@" + (folder.path() / "nowhere").string())).abilities.size() == 1U);
    auto idle = machines_from(settings_of(0, "ssh://d x86_64-linux - 0"));
    BOOST_TEST(idle.remote_slots == 0U);
    BOOST_TEST(!fits(idle, "x86_64-linux"));
}

BOOST_AUTO_TEST_CASE(builders_are_read_from_the_text_and_from_files_it_names) {
    FilesOfBuilders files;
    files.write("machines", "# the farm\nssh://one aarch64-linux - 4 1 kvm,big-parallel benchmark\n\n@" +
                                files.path("more").string() + "\n");
    files.write("more", "ssh-ng://two - - 2\n");
    daemon::Settings nix;
    nix.system = "x86_64-linux";
    nix.builders = "@" + files.path("machines").string() + " ; ssh://three i686-linux,x86_64-linux ; @" +
                   files.path("none").string();
    auto found = machines_from(nix);
    BOOST_REQUIRE(found.abilities.size() == 4U);
    BOOST_TEST(found.remote_slots == 7U);
    BOOST_TEST(found.unreadable.empty());
    BOOST_TEST(found.abilities[1].slots == 4U);
    BOOST_TEST(found.abilities[1].builder == "ssh://one aarch64-linux - 4 1 kvm,big-parallel benchmark");
    BOOST_TEST(found.abilities[1].address() == "ssh://one");
    BOOST_TEST(found.abilities[3].slots == 1U);
    BOOST_TEST(found.abilities[3].address() == "ssh://three");
    BOOST_TEST(found.abilities[0].address() == "");
    BOOST_TEST(found.abilities[1].platforms.contains("aarch64-linux"));
    BOOST_TEST(found.abilities[1].features.contains("big-parallel"));
    BOOST_TEST(!found.abilities[1].features.contains("benchmark"));
    BOOST_TEST(found.abilities[1].mandatory_features.contains("benchmark"));
    BOOST_TEST(found.abilities[2].platforms.contains("x86_64-linux"));
    BOOST_TEST(found.abilities[3].platforms.contains("i686-linux"));
}

BOOST_AUTO_TEST_CASE(a_file_of_builders_that_cannot_be_read_is_named) {
    FilesOfBuilders files;
    daemon::Settings nix;
    nix.system = "x86_64-linux";
    nix.builders = "@" + files.directory.path().string(); // no file
    auto found = machines_from(nix);
    BOOST_REQUIRE(found.unreadable.size() == 1U);
    BOOST_TEST(found.unreadable[0].one_line().find(files.directory.path().string()) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_of_builders_that_names_itself_ends) {
    FilesOfBuilders files;
    files.write("machines", "@" + files.path("machines").string() + "\nssh://one\n");
    daemon::Settings nix;
    nix.system = "x86_64-linux";
    nix.builders = "@" + files.path("machines").string();
    BOOST_TEST(machines_from(nix).abilities.size() < 20U);
}

BOOST_AUTO_TEST_SUITE_END()
