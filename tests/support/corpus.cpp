#include "support/corpus.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

namespace cachefill::test {

using namespace cachefill::plan;
namespace fs = std::filesystem;

namespace {

Result<std::string> read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return Failure(FailureKind::not_found, "cannot read " + path.string());
    std::ostringstream out;
    out << in.rdbuf();
    return std::move(out).str();
}

Result<void> read_upstream(const fs::path& folder, SimulatedWorld& world) {
    world.caches.resize(2);
    const bool has_references = fs::exists(folder / "upstream.tsv");
    TRY(text, read_file(folder / (has_references ? "upstream.tsv" : "upstream.txt")));
    for (const std::string_view line : split(text, '\n')) {
        if (line.empty()) continue;
        const auto fields = split(line, '\t'); // name, NAR size, file size, references
        TRY(path, nix::StorePath::parse_base_name(fields[0]));
        SimulatedWorld::References references;
        if (fields.size() > 3) {
            for (const std::string_view word : split_words(fields[3])) {
                TRY(reference, nix::StorePath::parse_base_name(word));
                if (reference != path) references.push_back(std::move(reference));
            }
        }
        world.set_references(path, std::move(references));
        world.caches[1].insert(path);
    }
    return {};
}

Result<std::vector<std::pair<std::string, std::string>>> read_roots(const fs::path& folder) {
    std::vector<std::pair<std::string, std::string>> roots;
    if (fs::exists(folder / "roots.json")) {
        TRY(text, read_file(folder / "roots.json"));
        const auto parsed = nlohmann::json::parse(text);
        for (const auto& [host, root] : parsed.items()) roots.emplace_back("nixos:" + host, root.get<std::string>());
    } else {
        TRY(text, read_file(folder / "root"));
        roots.emplace_back("nixos:host", std::string(trim(text)));
    }
    return roots;
}

} // namespace

Result<Corpus> read_corpus(const fs::path& folder) {
    Corpus corpus;
    const Graph::Reader read = [&](const nix::StorePath& path) -> Result<nix::Derivation> {
        TRY(text, read_file(folder / "drvs" / path.base_name()));
        return nix::Derivation::parse(text);
    };
    TRY(roots, read_roots(folder));
    for (const auto& [name, root] : roots) {
        TRY(path, nix::StorePath::parse_base_name(root));
        TRY(derivation, corpus.graph.add_closure(path, read));
        corpus.targets.push_back({name, derivation, {0}, bit(0) | bit(1), {}});
    }
    TRY_VOID(read_upstream(folder, corpus.world));
    for (const DerivationId id : corpus.graph.topological_order())
        for (const PathId source : corpus.graph.derivation(id).sources)
            corpus.world.store.insert(corpus.graph.path(source));
    return corpus;
}

Policy corpus_policy() {
    Policy policy;
    policy.machines = {{{"x86_64-linux", "i686-linux", "builtin"}, {"big-parallel", "kvm", "nixos-test", "benchmark"}}};
    policy.fetchable_here = bit(0) | bit(1);
    policy.expected_time = [](const GraphDerivation& derivation) {
        auto time = std::chrono::milliseconds(derivation.kind == DerivationKind::compile ? 1000 : 100);
        return ExpectedTime{.time = time, .measured = false};
    };
    return policy;
}

} // namespace cachefill::test
