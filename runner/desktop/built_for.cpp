#include "desktop/built_for.hpp"

#include "base/files.hpp"
#include "nix/derivation.hpp"

#include <set>

namespace cachefill::desktop {

namespace {
constexpr std::uint64_t longest_derivation = 64U << 20;
}

std::vector<nix::StorePath>
outputs_built_for(const nix::StorePath& derivation,
                  const std::function<std::filesystem::path(const nix::StorePath&)>& physical) {
    std::vector<nix::StorePath> outputs, open{derivation};
    std::set<nix::StorePath> seen{derivation};
    while (!open.empty()) {
        auto current = std::move(open.back());
        open.pop_back();
        auto text = read_file(physical(current), longest_derivation);
        if (!text) continue; // collected: nothing is known of what lies below
        auto parsed = nix::Derivation::parse(*text);
        if (!parsed) continue;
        for (auto& output : parsed->outputs)
            if (output.path) outputs.push_back(std::move(*output.path));
        for (auto& input : parsed->input_derivations)
            if (seen.insert(input.derivation).second) open.push_back(std::move(input.derivation));
    }
    return outputs;
}

} // namespace cachefill::desktop
