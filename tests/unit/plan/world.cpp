#include "world.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

namespace cachefill::test {

using namespace cachefill::plan;

namespace {

nix::StorePath made_up(const std::string& name) {
    constexpr std::string_view digits = "0123456789abcdfghijklmnpqrsvwxyz";
    std::uint64_t state = 1469598103934665603U;
    for (const char c : name) state = (state ^ static_cast<unsigned char>(c)) * 1099511628211U;
    std::string base_name;
    for (int i = 0; i < 32; ++i) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        base_name += digits[state >> 59];
    }
    return nix::StorePath::parse_base_name(base_name + "-" + name).value();
}

} // namespace

nix::StorePath store_path(std::string_view name) {
    std::string text(name);
    if (text.ends_with(":out")) text.resize(text.size() - 4);
    std::replace(text.begin(), text.end(), ':', '-');
    return made_up(text);
}

nix::StorePath derivation_path(std::string_view name) { return made_up(std::string(name) + ".drv"); }

Graph::Reader reader_of(const std::map<nix::StorePath, nix::Derivation>& derivations) {
    return [&derivations](const nix::StorePath& path) -> Result<nix::Derivation> {
        const auto at = derivations.find(path);
        if (at == derivations.end()) return Failure(FailureKind::not_found, path.to_string() + " is not there");
        return at->second;
    };
}

World::World() {
    policy.machines = {{{"x86_64-linux", "builtin"}, {"kvm"}}};
    policy.fetchable_here = 0b11;
    policy.expected_time = [](const GraphDerivation& derivation) {
        auto time = std::chrono::milliseconds(derivation.kind == DerivationKind::compile ? 1000 : 10);
        return ExpectedTime{.time = time, .measured = derivation.kind == DerivationKind::compile};
    };
    simulated.caches.resize(3);
}

World& World::derivation(const std::string& name, const std::vector<std::string>& inputs,
                         const DerivationOptions& options) {
    nix::Derivation made;
    made.platform = options.platform;
    made.flaw = options.flaw;
    made.builder = options.builder;
    made.allow_substitutes = !options.local;
    made.prefer_local_build = options.light;
    made.required_system_features = options.features;
    for (const std::string& output : options.outputs) {
        nix::DerivationOutput out;
        out.name = output;
        if (options.fixed) out.kind = nix::OutputKind::fixed;
        if (options.floating)
            out.kind = nix::OutputKind::floating;
        else
            out.path = store_path(options.output_path.empty() ? name + ":" + output : options.output_path);
        made.outputs.push_back(std::move(out));
    }
    for (const std::string& input : inputs) {
        const auto colon = input.find(':');
        const std::string output = colon == std::string::npos ? "out" : input.substr(colon + 1);
        const auto from = derivation_path(input.substr(0, colon));
        const auto same = std::find_if(made.input_derivations.begin(), made.input_derivations.end(),
                                       [&](const auto& known) { return known.derivation == from; });
        if (same != made.input_derivations.end())
            same->outputs.push_back(output);
        else
            made.input_derivations.push_back({from, {output}, false});
    }
    for (const std::string& source : options.sources) {
        made.input_sources.push_back(store_path(source));
        simulated.store.insert(store_path(source)); // evaluation put it there
    }
    derivations.emplace(derivation_path(name), std::move(made));
    return *this;
}

World& World::target(const std::string& name, CacheMask trusted) {
    const auto id = graph.add_closure(derivation_path(name), reader_of(derivations));
    BOOST_REQUIRE_MESSAGE(id.has_value(), (id ? "" : id.error().one_line()));
    targets.push_back({"nixos:" + name, *id, {0}, trusted, {}});
    return *this;
}

World& World::references(const std::string& path, const std::vector<std::string>& references) {
    SimulatedWorld::References to;
    for (const std::string& reference : references) to.push_back(store_path(reference));
    simulated.set_references(store_path(path), std::move(to));
    return *this;
}

World& World::served(std::size_t cache, const std::vector<std::string>& paths) {
    for (const std::string& path : paths) simulated.caches[cache].insert(store_path(path));
    return *this;
}

World& World::valid(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) simulated.store.insert(store_path(path));
    return *this;
}

const Plan& World::settle() {
    Settled settled = test::settle(simulated, graph, facts, targets, policy);
    for (const std::string& complaint : settled.complaints) BOOST_ERROR(complaint);
    plan = std::move(settled.plan);
    rounds = settled.rounds;
    return plan;
}

void World::execute() {
    const auto counting = counting_caches(graph, facts, targets);
    for (const std::string& complaint : simulated.execute(plan, graph, counting, policy.fetchable_here))
        BOOST_ERROR(complaint);
    facts = {};
}

ConsumerView World::consume(bool always_allow_substitutes, CacheMask trusted) {
    return consumer_view(graph, facts, targets.at(0), trusted, always_allow_substitutes);
}

std::vector<std::string> World::explain(const std::string& path) {
    return plan::explain(graph, facts, targets, plan, store_path(path));
}

std::vector<std::string> World::builds() const {
    std::vector<std::string> result;
    for (const PlannedBuild& build : plan.builds) result.emplace_back(graph.derivation(build.derivation).name());
    return result;
}

const PlannedBuild& World::build(const std::string& name) const {
    const auto at = std::find_if(plan.builds.begin(), plan.builds.end(), [&](const PlannedBuild& build) {
        return graph.derivation(build.derivation).name() == name;
    });
    BOOST_REQUIRE_MESSAGE(at != plan.builds.end(), name + " is not built");
    return *at;
}

std::vector<std::string> World::after(const std::string& name) const {
    std::vector<std::string> result;
    for (const std::size_t before : build(name).after)
        result.emplace_back(graph.derivation(plan.builds[before].derivation).name());
    return result;
}

std::vector<std::string> World::names(const std::vector<PathId>& paths) const {
    std::vector<std::string> result;
    for (const PathId path : paths) result.emplace_back(graph.path(path).name());
    std::sort(result.begin(), result.end());
    return result;
}

std::vector<std::string> World::names(const std::vector<DerivationId>& ids) const {
    std::vector<std::string> result;
    for (const DerivationId id : ids) result.emplace_back(graph.derivation(id).name());
    return result;
}

} // namespace cachefill::test
