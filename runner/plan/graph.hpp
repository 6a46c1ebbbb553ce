#pragma once

#include "base/result.hpp"
#include "nix/derivation.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace cachefill::plan {

struct Making;

// Indexes into one Graph. Strong types, so that a path is not taken for a derivation.
enum class DerivationId : std::uint32_t {};
enum class PathId : std::uint32_t {};
inline constexpr PathId no_path{0xFFFFFFFF};

inline std::size_t index(DerivationId id) { return static_cast<std::size_t>(id); }
inline std::size_t index(PathId id) { return static_cast<std::size_t>(id); }

// First match (design section 2). Light is what says so (preferLocalBuild), and what takes moments by what it is made
// of (weight.hpp).
enum class DerivationKind : std::uint8_t { fixed_output, local_by_design, light, compile };
std::string_view to_string(DerivationKind kind);

struct GraphOutput {
    std::string name;
    PathId path = no_path; // no_path: unknown before building (floating, deferred, impure), and not learnt either
    nix::OutputKind kind = nix::OutputKind::input_addressed;
};

struct GraphInput {
    DerivationId derivation;
    std::vector<std::uint16_t> outputs; // indexes into the input's outputs
};

struct GraphDerivation {
    nix::StorePath path;
    std::string platform;
    DerivationKind kind = DerivationKind::compile;
    bool allow_substitutes = true; // false: who evaluates builds it whatever a cache has (some are fixed-output, too)
    std::vector<std::string> required_features;
    std::vector<GraphOutput> outputs;
    std::vector<GraphInput> inputs;
    std::vector<PathId> sources;
    // Why no Nix would ever build it, for a person; empty: nothing is known against it. It costs what needs it, and no
    // more.
    std::string flaw = {};
    bool is_unread = false; // its file cannot be read (the flaw says why): its outputs are those that others want of it
    std::string_view name() const; // the store path's name without ".drv"
};

// All derivations of all targets, each once; and every store path that is an output, a source, or was learnt of as a
// reference. Only grows.
class Graph {
  public:
    using Reader = std::function<Result<nix::Derivation>(const nix::StorePath&)>;

    // Adds `root` and everything it needs, reading each derivation once. What cannot be read, wants an output that is
    // not there, or needs itself, is added with a flaw; only an unreadable root is a failure.
    Result<DerivationId> add_closure(const nix::StorePath& root, const Reader& read);

    // Several derivations may make one fixed output: the same source, fetched for two systems. The first that was read
    // stands for all, unless only a later one can be built here. To be set before anything is added.
    void prefer(std::function<bool(const GraphDerivation&)> buildable) { is_buildable_ = std::move(buildable); }

    // Where an output went of which that was not known before it was built. The path may be another derivation's, too.
    void learn_output(DerivationId id, std::uint16_t output, const nix::StorePath& path);
    // Those with outputs that are not known (yet), each after its inputs.
    std::vector<DerivationId> with_unknown_outputs() const;

    PathId intern(const nix::StorePath& path);
    std::optional<PathId> find(const nix::StorePath& path) const;
    std::optional<DerivationId> find_derivation(const nix::StorePath& path) const;

    const GraphDerivation& derivation(DerivationId id) const { return derivations_[index(id)]; }
    const nix::StorePath& path(PathId id) const { return paths_[index(id)]; }
    // The derivation of which this is an output, and which one; empty for sources and paths learnt of otherwise.
    struct Producer {
        DerivationId derivation;
        std::uint16_t output;
    };
    std::optional<Producer> producer(PathId id) const;

    std::size_t derivation_count() const { return derivations_.size(); }
    std::size_t path_count() const { return paths_.size(); }
    // Every derivation comes after its inputs, and after the one that stands for each of their outputs.
    std::span<const DerivationId> topological_order() const { return order_; }

  private:
    struct Staged;
    Staged stage(const nix::StorePath& path, nix::Derivation&& from);
    static Staged stage_unread(const nix::StorePath& path, const Failure& why);
    DerivationId commit(Staged&& staged);
    DerivationId walk(Staged&& root, const Reader& read);
    GraphInput connect(GraphDerivation& user, const nix::DerivationInput& input);
    bool is_light(const GraphDerivation& derivation, const Making& making) const;
    void find_producers(DerivationId id);
    std::vector<DerivationId> needed_by(DerivationId id) const;
    void sort();

    std::vector<GraphDerivation> derivations_;
    std::vector<nix::StorePath> paths_;
    std::vector<std::optional<Producer>> producers_;
    std::vector<DerivationId> order_;
    bool order_is_stale_ = false;
    std::function<bool(const GraphDerivation&)> is_buildable_;
    std::unordered_map<nix::StorePath, DerivationId> derivation_ids_;
    std::unordered_map<nix::StorePath, PathId> path_ids_;
};

} // namespace cachefill::plan
