#pragma once

#include "nix/store_path.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::eval {

// Outputs of a derivation that an evaluation reads, which whoever evaluates must have first.
struct ReadOutputs {
    nix::StorePath derivation;
    std::vector<std::string> outputs; // by name, sorted; empty: all
};

// Finds out what an evaluation reads of what derivations make (import-from-derivation: `import`, readFile, pathExists,
// …), whether that had to be made or was valid before. Nix announces only what it builds and fetches. But for each read
// it starts a realisation (activity 102), and until that begins to ask what is missing (an activity without a type of
// its own), it creates exactly the goals it was asked for and names each at verbosity "debug". Order and words of Nix
// 2.8, 2.26 and 2.34, with and without a daemon: tests/golden/eval/reads.
class ReadWatch {
  public:
    void on_start(std::uint64_t activity, std::uint64_t type, std::string_view text);
    void on_stop(std::uint64_t activity);
    void on_message(std::string_view text);
    // Would on_message() look at a message now?
    bool is_listening() const;

    const std::vector<ReadOutputs>& reads() const { return reads_; }
    // Realisations that named nothing: this Nix has other words, and what was read is not known.
    std::size_t unnamed() const { return unnamed_; }

  private:
    struct Realisation {
        bool gathers = true;
        bool has_named = false;
    };
    void add(ReadOutputs read);

    std::map<std::uint64_t, Realisation> open_; // by activity
    std::vector<ReadOutputs> reads_;
    std::size_t unnamed_ = 0;
};

} // namespace cachefill::eval
