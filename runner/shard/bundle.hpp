#pragma once

#include "base/failure.hpp"
#include "base/result.hpp"
#include "eval/evaluator.hpp"
#include "report/shards.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::shard {

// What became of the evaluation of one target: the one or the other.
struct BundledTarget {
    eval::TargetRef target;
    std::optional<eval::EvaluatedTarget> evaluated;
    std::optional<Failure> failure;
    std::optional<event::Position> position;
    std::string needs_system; // it failed for that alone
};

// One store object, as a daemon is given it.
struct BundledObject {
    nix::StorePath path;
    std::uint64_t info_bytes = 0; // what daemon::path_info_for_import() made of it
    std::uint64_t nar_bytes = 0;
    std::uint64_t size() const { return info_bytes + nar_bytes; }
};

// Which store objects come with a bundle, and which do not.
struct BundleContents {
    std::vector<BundledObject> objects; // in the order of the payload: each after those that it refers to
    std::uint64_t derivations() const;
    std::uint64_t sources() const { return objects.size() - derivations(); }
    std::uint64_t nar_bytes() const;
    std::uint64_t payload_bytes() const; // of all objects, see bundle_parser.hpp
    // Sources in it that not everybody can fetch: the path, and why it must not go to a public cache, for a person.
    std::map<nix::StorePath, std::string> withheld;
    // What its derivations refer to and is not content-addressed (outputs that evaluation had built, for instance): it
    // has to be fetched before they can be added.
    std::vector<nix::StorePath> expected;
};

// What one job found out that many others go by: what evaluation came to, and who builds what. docs/shards.md describes
// the file. Nothing in it is secret: of addresses with a login it has the redacted form, or nothing.
struct Bundle {
    std::string run; // names this run of all shards: 32 hex digits, drawn at random
    std::string cachefill_version, nix_version;
    std::string commit; // that the workflow runs for, else the flake's; empty: none (uncommitted changes, no git)
    std::string branch;
    eval::FlakeInfo flake; // without its lock, and without the place of its inputs
    // Of its flake.lock and of its tree in the store, as a manifest has them.
    std::string lock_hash, source_hash;
    std::vector<eval::TargetRef> hosts; // all that the flake has
    std::vector<BundledTarget> targets; // those that were wanted
    std::string complete;               // JSON of the session::EvaluationRecord of those that lack nothing
    report::ShardPlan cut;
    BundleContents contents;

    const BundledTarget* find(const eval::TargetRef& target) const; // null: it was not selected
};

std::string new_run_name();

// The header of the file, as JSON. A login in an address is left out.
std::string to_json(const Bundle& bundle);
// A protocol failure for anything else; what is shown of it later steers no terminal.
Result<Bundle> parse_bundle_header(std::string_view json);

} // namespace cachefill::shard
