#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::report {

// Which of several machines would build what, for whoever reads it: a person, a program, a workflow of GitHub's.
struct ShardPlan {
    struct Build {
        std::string derivation; // store path of the .drv
        std::string name;       // without hash and ".drv"
        std::string kind;       // "compile", "light", …
        std::chrono::milliseconds expected{};
        bool measured = false; // else a guess by kind
        bool is_copy = false;  // another shard owns and publishes it
    };
    struct Awaited {
        std::string derivation;
        std::string name;
        std::size_t shard; // that builds it
    };
    struct Shard {
        std::size_t number = 0;           // from 1
        std::string machine;              // "x86_64-linux", "x86_64-linux+kvm"
        std::vector<std::string> runs_on; // labels of its runner
        std::chrono::milliseconds ends{}, work{};
        std::vector<Build> builds; // in the order in which they are started
        std::vector<Awaited> awaited;
    };

    std::vector<Shard> shards;
    std::size_t most_shards = 0, slots = 0;
    std::size_t builds = 0;           // derivations with an owner; without shards, those that a last job builds alone
    std::size_t unmeasured = 0;       // of those
    std::size_t copied = 0;           // derivations that others than their owner build as well
    std::size_t copies = 0;           // how often that is
    std::size_t handovers = 0;        // paths fetched from other shards
    std::chrono::milliseconds ends{}; // of the last shard
    std::chrono::milliseconds bound{}, work{};
    std::vector<Build> nobodys;               // no runner is known that builds them, or what they need
    std::vector<std::string> wanted_machines; // what those take: "a riscv64-linux machine"
};

std::string shards_text(const ShardPlan& plan, std::size_t width);
// The same as a table of GitHub's Markdown.
std::string shards_markdown(const ShardPlan& plan);
// One document, as docs/shards.md describes it.
std::string shards_json(const ShardPlan& plan);
// What shards_json() wrote; a protocol failure for anything else.
Result<ShardPlan> parse_shards(std::string_view json);
// For `strategy.matrix` of a job, in one line. A failure if it is more than GitHub takes.
Result<std::string> shards_matrix(const ShardPlan& plan);
// For the `if:` of that job, since GitHub refuses a matrix without jobs.
inline constexpr std::string_view empty_matrix = R"({"include":[]})";

} // namespace cachefill::report
