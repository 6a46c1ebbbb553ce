#include "eval/host_settings.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::eval {

namespace {

// What counts is the nix.conf that the host will have. NixOS since 22.05, nix-darwin since then and home-manager write
// it with writeTextFile, whose text can be read: with nix.extraOptions, and in the very order (in which an "extra-"
// setting may be overruled). Determinate Nix on macOS has a file of its own, which it reads after its own one.
// Elsewhere it is put together from the options: the plain ones, what adds to them, nix.extraOptions. The old names
// (nix.binaryCaches) are asked for only where the new ones do not exist, because newer NixOS warns about them.
//
// Whatever is wrong with all this must not fail the target: `or` covers what is missing, tryEval what throws. Lines
// about other things stay here, some are secrets. nix.enable = false: somebody else writes nix.conf.
constexpr std::string_view expression = R"nix(
    let
      config = value.config or { };
      nix = config.nix or { };
      text = v: let t = attempt null v; in if builtins.isString t then plain t else "";
      file = f: text (f.source.text or f.text or null);
      etc = name: file (config.environment.etc.${name} or { });
      written = if isHome then file (config.xdg.configFile."nix/nix.conf" or { }) else etc "nix/nix.conf";
      custom = if isHome then "" else etc "nix/nix.custom.conf";

      isPlain = v: builtins.isString v || builtins.isInt v || builtins.isPath v;
      atom = v: attempt "" (
        if v == true then "true" else if v == false then "false" else if isPlain v then plain (toString v) else "");
      line = set: option: name:
        let
          given = attempt false (set ? ${option} && builtins.seq set.${option} true);
          v = set.${option};
        in
        if !given then ""
        else "${name} = ${if builtins.isList v then builtins.concatStringsSep " " (map atom v) else atom v}\n";
      plainNames = [ "binary-cache-public-keys" "binary-caches" "build-use-substitutes" "require-sigs" "substitute"
        "substituters" "trusted-binary-caches" "trusted-public-keys" "trusted-substituters" ];
      lines = names: builtins.concatStringsSep "" (map (name: line nix.settings name name) names);
      fromOptions =
        if modern then lines plainNames + lines (map (name: "extra-" + name) plainNames)
        else line nix "binaryCaches" "substituters" + line nix "trustedBinaryCaches" "trusted-substituters"
          + line nix "binaryCachePublicKeys" "trusted-public-keys" + line nix "requireSignedBinaryCaches" "require-sigs";

      enabled = attempt true (nix.enable or true) != false;
      modern = attempt false (nix ? settings);
      known = modern || attempt false (nix ? binaryCaches || nix ? binaryCachePublicKeys);
      conf = (if !enabled then "" else if written != "" then written
        else fromOptions + "\n" + text (nix.extraOptions or "")) + "\n" + custom;
      names = "[ \t]*(extra-)?(${builtins.concatStringsSep "|" plainNames})[ \t]+=.*";
      matters = l: builtins.isString l && builtins.match names (builtins.substring 0 80 l) != null;
    in
    if !(enabled && known) && custom == "" then null
    else {
      words = if !(enabled && known) then "nix.conf" else if !modern then "binaryCaches" else if isHome then "home" else "settings";
      conf = builtins.concatStringsSep "\n" (builtins.filter matters (builtins.split "\n" conf));
    })nix";

} // namespace

std::string host_settings_expression(TargetKind kind) {
    return "let isHome = " + std::string(kind == TargetKind::home ? "true" : "false") + "; in" +
           std::string(expression);
}

std::optional<nix::CacheSettings> parse_host_settings(const nlohmann::json& settings) {
    if (!settings.is_object()) return {};
    auto text = [&](const char* name) {
        auto found = settings.find(name);
        return found != settings.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    nix::CacheSettings read;
    auto words = text("words");
    read.words = words == "settings"       ? nix::SettingsWords::settings
                 : words == "binaryCaches" ? nix::SettingsWords::binary_caches
                 : words == "home"         ? nix::SettingsWords::home_settings
                                           : nix::SettingsWords::nix_conf;
    read.read(text("conf"));
    return read;
}

} // namespace cachefill::eval
