#include "fill/source_pieces.hpp"

#include "base/files.hpp"
#include "fill/sources.hpp"

#include <algorithm>
#include <cstdint>

namespace cachefill::fill {

namespace fs = std::filesystem;

SourcePieces::Texts SourcePieces::flakes_in(const fs::path& tree) {
    constexpr std::uint64_t longest_flake = 1 << 20;
    Texts texts;
    std::error_code failed;
    if (!fs::is_directory(fs::symlink_status(tree, failed))) return texts;
    fs::recursive_directory_iterator entry(tree, failed), end;
    for (std::size_t seen = 0; !failed && entry != end && ++seen <= PublicSources::enough_entries;
         entry.increment(failed)) {
        std::error_code ignored;
        if (entry->path().filename() != "flake.nix" || !fs::is_regular_file(entry->symlink_status(ignored))) continue;
        if (auto text = read_file(entry->path(), longest_flake)) texts.insert(std::move(*text));
    }
    return texts;
}

std::optional<std::string> SourcePieces::reason_to_withhold(const nix::PathInfo& info, const fs::path& tree) {
    if (staying_.empty() || !is_source(info)) return {};
    const auto flakes = flakes_in(tree);
    if (flakes.empty()) return {};
    if (!of_staying_) {
        of_staying_.emplace();
        for (const auto& staying : staying_) of_staying_->push_back(flakes_in(staying.folder));
    }
    for (std::size_t i = 0; i < staying_.size(); ++i)
        for (const auto& flake : flakes) {
            if (!(*of_staying_)[i].contains(flake)) continue;
            if (!of_everybody_) {
                of_everybody_.emplace();
                for (const auto& folder : everybodys_) of_everybody_->merge(flakes_in(folder));
            }
            if (!of_everybody_->contains(flake))
                return "a flake in it is one of a source that stays here: " + staying_[i].why;
        }
    return {};
}

} // namespace cachefill::fill
