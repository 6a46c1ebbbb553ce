#include "base/files.hpp"
#include "session/targets.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
namespace fs = std::filesystem;

namespace {

nix::StorePath path(const std::string& name, char hash = '1') {
    return nix::StorePath::parse_base_name(std::string(32, hash) + "-" + name).value();
}

// A store of derivations below a root.
struct Store {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-targets-").value();
    daemon::Endpoint endpoint;
    plan::Graph graph;

    Store() {
        endpoint.physical_root = directory.path();
        fs::create_directories(directory.path() / "nix/store");
    }
    nix::StorePath derivation(const std::string& name, const std::vector<std::string>& outputs = {"out"},
                              const std::vector<nix::StorePath>& inputs = {}) const {
        std::string made, needs;
        for (const auto& output : outputs)
            made += std::string(made.empty() ? "" : ",") + "(\"" + output + "\",\"" +
                    path(name + (output == "out" ? "" : "-" + output), '2').to_string() + "\",\"\",\"\")";
        for (const auto& input : inputs)
            needs += std::string(needs.empty() ? "" : ",") + "(\"" + input.to_string() + "\",[\"out\"])";
        auto self = path(name + ".drv");
        write(self, "Derive([" + made + "],[" + needs + "],[],\"x86_64-linux\",\"/bin/sh\",[],[])");
        return self;
    }
    void write(const nix::StorePath& self, const std::string& text) const {
        BOOST_REQUIRE(write_file_atomically(endpoint.physical(self), text).has_value());
    }
    static eval::EvaluatedTarget evaluated(const nix::StorePath& derivation, std::vector<std::string> outputs) {
        return {.target = {.kind = eval::TargetKind::nixos, .name = "nas", .attribute_path = {}},
                .derivation = derivation,
                .outputs = std::move(outputs),
                .system = "x86_64-linux",
                .nix_settings = {},
                .impure = false,
                .why_impure = {},
                .read_by_evaluation = {},
                .unknown_reads = 0,
                .built_by_evaluation = {},
                .fetched_by_evaluation = {},
                .took = {},
                .peak_memory = 0,
                .printed = {}};
    }
};

using Outputs = std::vector<std::uint16_t>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(session_targets, Store)

BOOST_AUTO_TEST_CASE(a_target_comes_with_all_that_it_is_made_of) {
    auto libc = derivation("libc"), lib = derivation("lib", {"out"}, {libc});
    auto top = derivation("system", {"out"}, {lib, libc});
    auto target = session::add_target(graph, evaluated(top, {"out"}), session::derivations_of(endpoint));
    BOOST_REQUIRE(target.has_value());
    BOOST_TEST(target->name == "nixos:nas");
    BOOST_TEST((graph.derivation(target->derivation).path == top));
    BOOST_TEST((target->outputs == Outputs{0}));
    BOOST_TEST(graph.derivation_count() == 3U);
}

BOOST_AUTO_TEST_CASE(the_outputs_that_are_wanted_are_told_by_number_in_the_order_wanted) {
    auto tool = derivation("tool", {"dev", "doc", "out"}); // a derivation has them sorted by name
    BOOST_TEST(
        (session::add_target(graph, evaluated(tool, {"out", "dev"}), session::derivations_of(endpoint))->outputs ==
         Outputs{2, 0}));
    BOOST_TEST((session::add_target(graph, evaluated(tool, {"doc"}), session::derivations_of(endpoint))->outputs ==
                Outputs{1}));
    // None of those that are there: the first, so that something is asked for at all.
    BOOST_TEST((session::add_target(graph, evaluated(tool, {"bin"}), session::derivations_of(endpoint))->outputs ==
                Outputs{0}));
}

BOOST_AUTO_TEST_CASE(a_derivation_that_cannot_be_read_is_named) {
    auto absent = path("absent.drv"), broken = path("broken.drv");
    write(broken, "Derive([");
    for (const auto& derivation : {absent, broken}) {
        auto target = session::add_target(graph, evaluated(derivation, {"out"}), session::derivations_of(endpoint));
        BOOST_REQUIRE(!target.has_value());
        BOOST_TEST(target.error().one_line().find(derivation.to_string()) != std::string::npos);
    }
    BOOST_TEST(graph.derivation_count() == 0U);
}

BOOST_AUTO_TEST_CASE(what_its_evaluation_read_belongs_to_the_target) {
    auto top = derivation("system"), source = derivation("source"), tool = derivation("tool", {"dev", "out"});
    auto result = evaluated(top, {"out"});
    result.read_by_evaluation = {{.derivation = tool, .outputs = {"dev"}}, {.derivation = source, .outputs = {}}};
    auto target = session::add_target(graph, result, session::derivations_of(endpoint)).value();
    BOOST_TEST(target.read_by_evaluation.empty());
    BOOST_REQUIRE(session::add_reads(graph, result, session::derivations_of(endpoint), target).has_value());
    BOOST_REQUIRE(target.read_by_evaluation.size() == 2U);
    BOOST_TEST((graph.derivation(target.read_by_evaluation[0].derivation).path == tool));
    BOOST_TEST((target.read_by_evaluation[0].outputs == Outputs{0}));
    BOOST_TEST((target.read_by_evaluation[1].outputs == Outputs{0})); // whatever it has
    result.read_by_evaluation = {{.derivation = path("gone.drv"), .outputs = {}}};
    BOOST_TEST(!session::add_reads(graph, result, session::derivations_of(endpoint), target).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
