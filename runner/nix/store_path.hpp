#pragma once

#include "base/result.hpp"

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace cachefill::nix {

// We serve the one store directory that binary caches exist for. A store with another physical root
// (`local?root=DIR`) still has these logical paths.
inline constexpr std::string_view store_dir = "/nix/store";
inline constexpr std::size_t hash_part_length = 32;

// A store path, logical and valid in form: 32 nix32 digits, '-', a name of 1 to 211 characters of 0-9 a-z A-Z + - . _ ?
// = (Nix, libstore/path.cc). Says nothing about whether it exists.
class StorePath {
  public:
    // "HASH-NAME", without the directory.
    static Result<StorePath> parse_base_name(std::string_view base_name);
    // "/nix/store/HASH-NAME", nothing below it.
    static Result<StorePath> parse(std::string_view path);
    // The store path that `path` is or lies in, with what follows it ("/bin/sh", or empty).
    static Result<std::pair<StorePath, std::string>> parse_inside(std::string_view path);

    std::string_view base_name() const { return base_name_; }
    std::string_view hash_part() const { return std::string_view(base_name_).substr(0, hash_part_length); }
    std::string_view name() const { return std::string_view(base_name_).substr(hash_part_length + 1); }
    std::string to_string() const { return std::string(store_dir) + "/" + base_name_; }
    bool is_derivation() const { return base_name_.ends_with(".drv"); }

    friend bool operator==(const StorePath&, const StorePath&) = default;
    friend std::strong_ordering operator<=>(const StorePath& a, const StorePath& b) {
        return a.base_name_.compare(b.base_name_) <=> 0;
    }

  private:
    explicit StorePath(std::string base_name) : base_name_(std::move(base_name)) {}
    std::string base_name_;
};

} // namespace cachefill::nix

template <> struct std::hash<cachefill::nix::StorePath> {
    std::size_t operator()(const cachefill::nix::StorePath& path) const noexcept {
        return std::hash<std::string_view>{}(path.hash_part());
    }
};
