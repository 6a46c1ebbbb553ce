#pragma once

#include "base/result.hpp"
#include "nix/store_path.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What shards tell each other. Each shard's log is a sequence of small signed texts in the own cache, numbered from 0,
// whose store paths follow from the run, the shard and the number: whoever knows these can ask for the next one,
// together with all other paths it waits for. docs/shards.md describes the JSON.
namespace cachefill::shard {

struct FailedBuild {
    std::string derivation; // store path of the .drv
    std::string name;
    std::string error;
    std::vector<std::string> log_tail;
};

// A build that this shard has done, so that the next cut knows how long it takes.
struct DoneBuild {
    std::string derivation; // store path of the .drv
    std::string name;
    std::string platform;
    std::chrono::milliseconds took{};
};

// Builds that go from one shard to another.
struct GivenBuilds {
    std::size_t shard = 0; // the other one
    std::vector<std::string> derivations;
};

struct LogEntry {
    static constexpr int format_version = 1;
    static constexpr std::size_t largest = 1U << 20; // bytes of JSON
    static constexpr std::size_t most_failures = 200;
    // Bytes of what they say; JSON makes up to six of one.
    static constexpr std::size_t most_failure_text = largest / 16;
    static constexpr std::size_t most_done = 1000;
    static constexpr std::size_t most_given = 200; // derivations of a claim, or of its answer
    static constexpr std::size_t most_log_lines = 20;
    static constexpr std::size_t longest_line = 500; // bytes; more is cut off

    enum class Said { started, alive, finished };

    std::string run;       // of all shards
    std::size_t shard = 0; // from 1
    std::uint64_t number = 0;
    Said said = Said::alive;
    std::vector<FailedBuild> failed; // since the entry before
    std::vector<DoneBuild> done;     // likewise
    // Until what it has not begun is done; 0: nobody could help by taking some of it.
    std::chrono::milliseconds left{};
    std::optional<GivenBuilds> claimed; // what it would build for that shard, if that one agrees
    std::vector<GivenBuilds> given;     // to whom claimed, one for each claim; without derivations: nothing
};

// Where the own cache has it.
nix::StorePath entry_path(std::string_view run, std::size_t shard, std::uint64_t number);

// False: the entry is full, and this one is for the next.
bool add_failed(LogEntry& entry, FailedBuild build);
bool add_done(LogEntry& entry, DoneBuild build);

// Of the logs of what failed only the last lines.
std::string to_json(const LogEntry& entry);
// A protocol failure for anything but the entry of this run, shard and number. Texts are cleaned for a terminal.
Result<LogEntry> parse_log_entry(std::string_view json, std::string_view run, std::size_t shard, std::uint64_t number);

} // namespace cachefill::shard
