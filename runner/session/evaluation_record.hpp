#pragma once

#include "base/result.hpp"
#include "eval/target.hpp"
#include "nix/derivation.hpp"
#include "nix/store_path.hpp"
#include "plan/graph.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::eval {
struct EvaluatedTarget;
struct FlakeInfo;
} // namespace cachefill::eval

namespace cachefill::plan {
struct Target;
}

namespace cachefill::session {

class Session;

// What the evaluation of a whole fleet came to, for whoever would evaluate the same again where nothing of it is in the
// store: a fresh machine that is given the same commit. Of what the targets are made it holds as much as says what
// their consumers need; docs/manifest.md describes the JSON. The same evaluation makes the same record.
struct EvaluationRecord {
    static constexpr int format_version = 1;
    static constexpr std::size_t largest = 16U << 20; // bytes of JSON

    std::vector<eval::TargetRef> hosts;         // all that the flake has, in its order
    std::map<std::string, std::string> printed; // for eval::parse_evaluated(), by the target's display()
    // The targets' own derivations; of those that everybody builds (allowSubstitutes = false) the inputs, too. All
    // others are cut down to their outputs.
    std::map<nix::StorePath, nix::Derivation> derivations;

    // As plan::Graph reads derivations; a protocol failure for one that is not in here.
    Result<nix::Derivation> read(const nix::StorePath& path) const;
};

// False: something that consumers need has no path before it is built, so that no record can say what they need.
bool add_needed(EvaluationRecord& record, const plan::Graph& graph, const plan::Target& target);

std::string to_json(const EvaluationRecord& record);
// A protocol failure for anything else.
Result<EvaluationRecord> parse_evaluation_record(std::string_view json);

// Names everything that the evaluation of the fleet can depend on (evaluation_key()), and what the settings select of
// it. Empty: it can depend on more, or is to be fresh.
std::string fleet_key(Session& session, const eval::FlakeInfo& flake);
// Where a cache has the record of this key: it follows from the key, so that whoever has the key can ask for it.
nix::StorePath record_path(std::string_view key);

// May everybody see what this host's configuration says of caches? Not if an address may hold a login.
bool is_fit_for_record(const eval::EvaluatedTarget& evaluated);

} // namespace cachefill::session
