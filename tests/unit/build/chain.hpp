#pragma once

#include "plan/plan.hpp"

#include <map>
#include <string>
#include <vector>

namespace cachefill::test {

inline nix::StorePath path_of(char digit, const std::string& name) {
    return nix::StorePath::parse_base_name(std::string(32, digit) + "-" + name).value();
}

// a ← b ← c, and d by itself; all input-addressed, for one platform.
struct Chain {
    struct Options {
        std::string flaw_of_b = {};
        bool are_tiny = false; // so that several share a request
    };

    plan::Graph graph;
    plan::DerivationId a, b, c, d;
    std::vector<plan::BuildAbility> machines{{.platforms = {"x86_64-linux"}, .features = {}}};

    Chain() : Chain(Options()) {}
    explicit Chain(const Options& options) : options_(options) {
        std::map<std::string, nix::Derivation> all;
        auto add = [&](char digit, const std::string& name, const std::vector<nix::StorePath>& inputs) {
            nix::Derivation derivation;
            derivation.platform = "x86_64-linux";
            derivation.prefer_local_build = options.are_tiny;
            if (name == "b") derivation.flaw = options.flaw_of_b;
            nix::DerivationOutput out;
            out.name = "out";
            out.path = path_of(static_cast<char>(digit + 5), name);
            derivation.outputs.push_back(out);
            for (const auto& input : inputs) {
                nix::DerivationInput needed{.derivation = input, .outputs = {"out"}, .dynamic = false};
                derivation.input_derivations.push_back(needed);
            }
            auto path = path_of(digit, name + ".drv");
            all[path.to_string()] = derivation;
            return path;
        };
        auto path_a = add('1', "a", {});
        auto path_b = add('2', "b", {path_a});
        auto path_c = add('3', "c", {path_b});
        auto path_d = add('4', "d", {});
        auto read = [&](const nix::StorePath& path) -> Result<nix::Derivation> { return all.at(path.to_string()); };
        c = graph.add_closure(path_c, read).value();
        d = graph.add_closure(path_d, read).value();
        a = graph.find_derivation(path_a).value();
        b = graph.find_derivation(path_b).value();
    }

    plan::Plan plan() const {
        using namespace std::chrono_literals;
        auto expected = options_.are_tiny ? std::chrono::milliseconds(100) : 10s;
        plan::Plan plan;
        plan.builds = {{.derivation = a,
                        .after = {},
                        .fetch = {},
                        .expected = {.time = expected},
                        .longest_chain = 30s,
                        .targets = {}},
                       {.derivation = d,
                        .after = {},
                        .fetch = {},
                        .expected = {.time = expected},
                        .longest_chain = 20s,
                        .targets = {}},
                       {.derivation = b,
                        .after = {0},
                        .fetch = {},
                        .expected = {.time = expected},
                        .longest_chain = 20s,
                        .targets = {}},
                       {.derivation = c,
                        .after = {2},
                        .fetch = {},
                        .expected = {.time = expected},
                        .longest_chain = 10s,
                        .targets = {}}};
        return plan;
    }

    // As if all inputs were there.
    plan::Plan plan_without_order() const {
        auto plan = this->plan();
        for (auto& build : plan.builds) build.after.clear();
        return plan;
    }

  private:
    Options options_;
};

} // namespace cachefill::test
