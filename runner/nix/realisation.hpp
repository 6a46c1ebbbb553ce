#pragma once

#include "nix/derivation_text.hpp"
#include "nix/signature.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cachefill::nix {

// Is the path of such an output told by a realisation?
constexpr bool has_realisation(OutputKind kind) { return kind == OutputKind::floating || kind == OutputKind::deferred; }

// Which path an output of a derivation became, where that is not known before it is built: `realisations/ID.doi` of a
// binary cache, written by Nix 2.4 to 2.34 (libstore/realisation.cc; 2.35 has another form, build-trace-v2). The id is
// "sha256:HEX!OUTPUT".
struct Realisation {
    std::string id;
    StorePath out_path;
    std::map<std::string, StorePath> dependents; // realisations of what went into it, by id
    std::vector<std::string> signatures;         // "name:base64"

    static Result<Realisation> parse(std::string_view json);
    // As Nix writes it: one line, keys in order.
    std::string to_string() const;
    // What is signed.
    std::string fingerprint() const;
};

// "sha256:" and 64 base16 digits, '!', an output's name.
bool is_realisation_id(std::string_view id);

// The hashes in those ids ("derivation modulo", libstore/derivations.cc): of a derivation in which each input is
// replaced by its own such hash, and the paths of its outputs are left out. Reads every derivation below once.
class RealisationIds {
  public:
    using Reader = std::function<Result<Derivation>(const StorePath&)>;
    explicit RealisationIds(Reader read) : read_(std::move(read)) {}

    // Of an output that is neither fixed nor impure: those have no realisation that anybody would ask for.
    Result<std::string> id(const StorePath& derivation, std::string_view output);
    // Of what resolve() has made.
    static std::string id_of_resolved(const Derivation& derivation, std::string_view output);

  private:
    Result<const std::map<std::string, std::string>*> as_input(const StorePath& derivation);
    Result<std::map<std::string, std::string>> hashes(const Derivation& derivation, OutputPaths paths);

    Reader read_;
    std::unordered_map<StorePath, std::map<std::string, std::string>> known_; // as inputs: base16 by output
};

} // namespace cachefill::nix
