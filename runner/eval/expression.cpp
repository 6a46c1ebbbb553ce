#include "eval/expression.hpp"

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

// Settings are read beside the target: whatever is wrong with them must not fail it. `or` covers what is missing,
// tryEval what throws. The old names (nix.binaryCaches) are asked for only where the new ones do not exist, because
// newer NixOS warns about them. nix.enable = false: somebody else writes nix.conf, these settings mean nothing.
constexpr std::string_view host_settings = R"nix(
  settings =
    let
      nix = value.config.nix or { };
      enabled = attempt true (nix.enable or true);
      strings = v: if builtins.isList v then builtins.filter builtins.isString v else if builtins.isString v then [ v ] else [ ];
      get = name: old:
        strings (attempt [ ] (
          if nix ? settings then nix.settings.${name} or [ ]
          else if old == null then [ ] else nix.${old} or [ ]));
      known = attempt false (nix ? settings || nix ? binaryCaches || nix ? binaryCachePublicKeys);
    in
    if !enabled || !known then null
    else {
      substituters = get "substituters" "binaryCaches" ++ get "extra-substituters" null;
      trustedSubstituters = get "trusted-substituters" "trustedBinaryCaches" ++ get "extra-trusted-substituters" null;
      trustedPublicKeys = get "trusted-public-keys" "binaryCachePublicKeys" ++ get "extra-trusted-public-keys" null;
    };)nix";
constexpr std::string_view no_settings = R"nix(
  settings = null;)nix";

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
    text += is_host(kind) ? host_settings : no_settings;
    text += R"nix(
in
{
  drvPath = plain drv.drvPath;
  system = plain drv.system;
  outputs = map plain outputs;
  settings = if settings == null then null else builtins.mapAttrs (_: map plain) settings;
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
