#pragma once

#include "nix/path_info.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace cachefill::fill {

// Trees that stay here may be in the store a second time in part: a flake's folder that a build takes as its source
// (`src = ./.` of a flake below the top, a filtered copy). By their flakes they are known: a `flake.nix` of the very
// same text. One that a public input has, too, says nothing.
class SourcePieces {
  public:
    struct Tree {
        std::filesystem::path folder;
        std::string why; // it stays
    };
    SourcePieces(std::vector<Tree> staying, std::vector<std::filesystem::path> everybodys)
        : staying_(std::move(staying)), everybodys_(std::move(everybodys)) {}

    // Why this valid path, whose files are at `tree`, must stay here; empty: nothing says so. The trees are read when a
    // source with a flake in it is first asked about. What cannot be read says nothing.
    std::optional<std::string> reason_to_withhold(const nix::PathInfo& info, const std::filesystem::path& tree);

  private:
    using Texts = std::unordered_set<std::string>;
    static Texts flakes_in(const std::filesystem::path& tree);

    std::vector<Tree> staying_;
    std::vector<std::filesystem::path> everybodys_;
    std::optional<std::vector<Texts>> of_staying_;
    std::optional<Texts> of_everybody_;
};

} // namespace cachefill::fill
