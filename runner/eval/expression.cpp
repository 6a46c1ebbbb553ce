#include "eval/expression.hpp"

#include "eval/host_settings.hpp"

namespace cachefill::eval {

namespace {

std::string_view derivation_of(TargetKind kind) {
    switch (kind) {
    case TargetKind::nixos:
        return "value.config.system.build.toplevel";
    case TargetKind::darwin:
        return "value.system";
    case TargetKind::home:
        return "value.activationPackage";
    default:
        return "value";
    }
}

// What `nix build` would build: what the package says it installs, else the output that was selected. Hosts have one.
constexpr std::string_view package_outputs = R"nix(
    if drv.outputSpecified or false then [ drv.outputName ]
    else attempt [ (drv.outputName or "out") ] (drv.meta.outputsToInstall or [ (drv.outputName or "out") ]))nix";
constexpr std::string_view host_outputs = R"nix( [ (drv.outputName or "out") ])nix";

bool is_host(TargetKind kind) { return TargetRef{.kind = kind, .name = {}, .attribute_path = {}}.is_host(); }

} // namespace

std::string target_expression(TargetKind kind) {
    std::string text = R"nix(value:
let
  attempt = otherwise: v:
    let tried = builtins.tryEval (builtins.deepSeq v v); in if tried.success then tried.value else otherwise;
  plain = builtins.unsafeDiscardStringContext;
  drv = )nix";
    text += derivation_of(kind);
    text += ";\n  outputs =";
    text += is_host(kind) ? host_outputs : package_outputs;
    text += ";";
    text += "\n  settings = " + (is_host(kind) ? host_settings_expression(kind) : std::string("null")) + ";";
    text += R"nix(
in
{
  drvPath = plain drv.drvPath;
  system = plain drv.system;
  outputs = map plain outputs;
  inherit settings;
}
)nix";
    return text;
}

std::string listing_expression(TargetKind kind) {
    if (is_host(kind)) return "builtins.attrNames";
    return "builtins.mapAttrs (system: set: if builtins.isAttrs set then builtins.attrNames set else [ ])";
}

std::string nix_string(std::string_view text) {
    std::string literal = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\' || c == '$') literal += '\\';
        literal += c;
    }
    return literal + '"';
}

} // namespace cachefill::eval
