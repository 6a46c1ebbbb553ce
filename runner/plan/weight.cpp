#include "plan/weight.hpp"

#include "base/foreign_json.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace cachefill::plan {

namespace {

using nlohmann::json;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "gcc-wrapper-13.2.0" → "gcc-wrapper": up to the first '-' followed by a digit, as Nix splits names.
std::string_view without_version(std::string_view name) {
    for (std::size_t i = 0; i + 1 < name.size(); ++i)
        if (name[i] == '-' && is_digit(name[i + 1])) return name.substr(0, i);
    return name;
}

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// The parts of a name between '-', '_' and '.'.
template <class Predicate> bool any_word(std::string_view name, Predicate predicate) {
    while (!name.empty()) {
        auto end = std::min(name.find_first_of("-_."), name.size());
        if (predicate(name.substr(0, end))) return true;
        name.remove_prefix(std::min(end + 1, name.size()));
    }
    return false;
}

// Compilers and what drives them, and what makes large files: archives, images, file systems.
bool is_heavy_tool(std::string_view name) {
    static constexpr std::string_view tools[]{
        "gcc",     "clang",   "llvm",     "lld",      "mold",     "gfortran",      "gnat",    "gdc",        "rustc",
        "cargo",   "rust",    "go",       "ghc",      "cabal",    "stack",         "openjdk", "jdk",        "zulu",
        "temurin", "graalvm", "maven",    "gradle",   "sbt",      "scala",         "kotlin",  "clojure",    "nodejs",
        "npm",     "yarn",    "pnpm",     "bun",      "deno",     "esbuild",       "cmake",   "meson",      "ninja",
        "bazel",   "scons",   "autoconf", "automake", "qmake",    "ocaml",         "dune",    "zig",        "nim",
        "crystal", "swift",   "dmd",      "ldc",      "fpc",      "erlang",        "elixir",  "mono",       "dotnet",
        "julia",   "sbcl",    "texlive",  "qemu",     "squashfs", "squashfsTools", "xorriso", "libisoburn", "erofs",
        "pigz",    "nix",     "vala"};
    static constexpr std::string_view families[]{"texlive", "qemu", "squashfs", "openjdk", "ghc-", "dotnet-"};
    static constexpr std::string_view kinds[]{"-wrapper", "-unwrapped", "-bootstrap", "-bin",
                                              "-sdk",     "-tools",     "-slim"};
    auto stem = without_version(name);
    auto starts_so = [stem](std::string_view family) { return stem.starts_with(family); };
    if (is_one_of(stem, tools) || std::any_of(std::begin(families), std::end(families), starts_so)) return true;
    // "x86_64-unknown-linux-musl-gcc-wrapper", but not "go-md2man".
    auto ends_so = [stem](std::string_view kind) { return stem.ends_with(kind); };
    return std::any_of(std::begin(kinds), std::end(kinds), ends_so) &&
           any_word(stem, [](std::string_view word) { return is_one_of(word, tools); });
}

// By its name, a tree or an archive with something in it that may be compiled.
bool looks_like_source(std::string_view name) {
    static constexpr std::string_view words[]{"source", "sources", "src",  "srcs",    "vendor",
                                              "crates", "crate",   "deps", "modules", "checkout"};
    static constexpr std::string_view endings[]{".tar", ".tgz", ".tbz", ".tbz2", ".txz",      ".gz",  ".xz",
                                                ".bz2", ".zst", ".lz",  ".zip",  ".7z",       ".deb", ".rpm",
                                                ".jar", ".gem", ".whl", ".run",  ".AppImage", ".git"};
    auto ends_so = [name](std::string_view ending) { return name.ends_with(ending); };
    return std::any_of(std::begin(endings), std::end(endings), ends_so) || name.find(".tar.") != name.npos ||
           any_word(name, [](std::string_view word) { return is_one_of(word, words); });
}

// A file that helps to make something, or is copied, and is nothing to compile.
bool is_helper_file(std::string_view name) {
    static constexpr std::string_view endings[]{
        ".sh",   ".bash",     ".fish",    ".zsh",   ".nu",      ".pl",  ".awk",  ".sed", ".jq",   ".xsl",
        ".xslt", ".py",       ".lua",     ".vim",   ".el",      ".nix", ".conf", ".cfg", ".ini",  ".json",
        ".toml", ".yaml",     ".yml",     ".xml",   ".html",    ".css", ".md",   ".txt", ".diff", ".patch",
        ".in",   ".template", ".service", ".rules", ".desktop", ".png", ".svg",  ".jpg", ".jpeg", ".webp",
        ".ico",  ".ttf",      ".otf",     ".pem",   ".crt",     ".pub"};
    return std::any_of(std::begin(endings), std::end(endings),
                       [name](std::string_view ending) { return name.ends_with(ending); });
}

bool is_stdenv(std::string_view name) { return name.starts_with("stdenv-") || name.find("-stdenv-") != name.npos; }

bool is_set(const json& value) {
    if (value.is_null()) return false;
    return (value.is_string() || value.is_array() || value.is_object()) ? !value.empty() : true;
}

} // namespace

Making making_of(const nix::Derivation& derivation) {
    json attributes = json::object();
    if (derivation.structured_attributes)
        if (auto text = derivation.environment.find("__json"); text != derivation.environment.end())
            attributes = parse_foreign_json(text->second);
    auto has = [&](const char* name) {
        if (auto plain = derivation.environment.find(name); plain != derivation.environment.end())
            return !plain->second.empty();
        return attributes.is_object() && attributes.contains(name) && is_set(attributes[name]);
    };
    Making making;
    making.by_stdenv = has("stdenv");
    making.by_command = has("buildCommand");
    if (auto files = derivation.environment.find("passAsFile"); files != derivation.environment.end())
        for (auto name : split_words(files->second)) making.by_command |= name == "buildCommand";
    making.has_source = has("src") || has("srcs");
    making.is_package = has("pname") || has("version");
    making.is_special = !derivation.required_system_features.empty();
    return making;
}

bool takes_moments(std::string_view name, const Making& making, std::span<const Ingredient> ingredients) {
    if (making.is_special || making.has_source || (making.is_package && !making.by_command)) return false;
    bool by_stdenv = making.by_stdenv;
    // What is fetched and not by its name a source (fonts, a list of hosts) may go into settings and wrappers.
    bool may_use_fetched = making.by_command || without_version(name) == name;
    for (const auto& ingredient : ingredients) {
        if (ingredient.is_file) {
            if (!is_helper_file(ingredient.name)) return false;
            continue;
        }
        by_stdenv |= is_stdenv(ingredient.name);
        if (is_heavy_tool(ingredient.name) || looks_like_source(ingredient.name)) return false;
        if (ingredient.is_fetched && !may_use_fetched) return false;
    }
    return by_stdenv;
}

} // namespace cachefill::plan
