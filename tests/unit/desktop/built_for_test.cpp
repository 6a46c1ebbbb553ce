#include "base/files.hpp"
#include "desktop.hpp"
#include "desktop/built_for.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <set>

using namespace cachefill;
using namespace cachefill::test;

namespace {

struct Store {
    TemporaryDirectory directory = TemporaryDirectory::make("built-for").value();
    std::filesystem::path physical(const nix::StorePath& p) const { return directory.path() / p.base_name(); }

    nix::StorePath derivation(const std::string& name, const std::vector<nix::StorePath>& inputs) {
        auto self = path(name + ".drv");
        std::string text = "Derive([(\"out\",\"" + path(name).to_string() + "\",\"\",\"\")],[";
        for (std::size_t i = 0; i < inputs.size(); ++i)
            text += std::string(i ? "," : "") + "(\"" + inputs[i].to_string() + "\",[\"out\"])";
        text += "],[],\"x86_64-linux\",\"/bin/sh\",[],[])";
        std::ofstream(physical(self)) << text;
        return self;
    }
    std::set<std::string> outputs(const nix::StorePath& top) const {
        std::set<std::string> names;
        auto where = [this](const nix::StorePath& p) { return physical(p); };
        for (const auto& output : desktop::outputs_built_for(top, where)) names.emplace(output.name());
        return names;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(built_for, Store)

BOOST_AUTO_TEST_CASE(the_outputs_of_everything_below_are_named_once) {
    auto compiler = derivation("compiler", {});
    auto kernel = derivation("kernel", {compiler});
    auto top = derivation("nixos-system", {kernel, compiler});
    BOOST_TEST((outputs(top) == std::set<std::string>{"nixos-system", "kernel", "compiler"}));
}

BOOST_AUTO_TEST_CASE(a_derivation_that_was_collected_hides_only_what_is_below_it) {
    auto kernel = derivation("kernel", {path("collected.drv")});
    auto top = derivation("nixos-system", {kernel, path("also-collected.drv")});
    BOOST_TEST((outputs(top) == std::set<std::string>{"nixos-system", "kernel"}));
    BOOST_TEST(outputs(path("never-there.drv")).empty());
}

BOOST_AUTO_TEST_SUITE_END()
