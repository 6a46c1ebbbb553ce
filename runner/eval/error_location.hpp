#pragma once

#include "event/kinds.hpp"
#include "nix/store_path.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Where in the flake an evaluator's error lies. The three ways in which versions of Nix name a file of the flake
// (measured on 2.8, 2.26 and 2.34): a path below the flake's copy in the store, which for a store with another physical
// root has that root in front ("/srv/root/nix/store/HASH-source/hosts/nas.nix"); a path in the work tree;
// "«git+file:///home/kim/fleet?ref=…&rev=…»/hosts/nas.nix". From 2.26 on ":line:column" follows.
namespace cachefill::eval {

// One place that an error names: its own, or a frame of its trace.
struct ErrorFrame {
    std::string file; // as nix gave it; empty: unknown
    std::uint64_t line = 0;
    std::uint64_t column = 0;
};

struct EvaluatorError {
    std::string text; // raw_msg: the innermost message, with colours
    ErrorFrame own;
    std::vector<ErrorFrame> trace; // innermost first
};

// How names of files map to the flake.
struct SourceMap {
    std::optional<nix::StorePath> source; // the tree in the store
    std::filesystem::path directory;      // the work tree, empty: none here
    std::string url;                      // locked, as in «url»

    // The path relative to the tree, if `file` lies in it; ":line:column" at its end must be gone.
    std::optional<std::string> relative(std::string_view file) const;
};

// The innermost place that lies in the flake: the error's own, else a file that the message itself names ("In
// `/nix/store/…/x.nix'", as the module system does), else the nearest frame of the trace. Without any of these the
// error's own place, wherever that is.
std::optional<event::Position> locate(const EvaluatorError& error, const SourceMap& sources);

// The message as clean_foreign() has it, the flake's own files named relative to it, at most 30 lines.
std::string clean_message(const EvaluatorError& error, const SourceMap& sources);

// Why nixpkgs refused to evaluate a package, by the environment variable that would allow it: "NIXPKGS_ALLOW_UNFREE".
// Empty for any other message. The wording of nixpkgs, pkgs/stdenv/generic/check-meta.nix.
std::string refusal_variable(std::string_view message);

// The system that an evaluation needs because it builds something (import from derivation) that neither this machine
// nor its builders can: "aarch64-darwin". Empty for any other message. The wordings of Nix 2.8 to 2.34 and Lix.
std::string needed_system(std::string_view message);

} // namespace cachefill::eval
