#pragma once

#include "codec/hash.hpp"
#include "nix/signature.hpp"
#include "nix/store_path.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::nix {

// What a store knows of one valid path (worker protocol operation 26).
struct PathInfo {
    StorePath path;
    codec::Hash nar_hash; // sha256 of the NAR
    std::uint64_t nar_size = 0;
    std::vector<StorePath> references; // may include the path itself
    std::optional<StorePath> deriver;
    std::chrono::sys_seconds registration_time{};
    bool ultimate = false; // built here; false: substituted or imported
    std::vector<std::string> signatures;
    std::string content_address; // "", "text:sha256:…", "fixed:r:sha256:…"; see daemon/content_address.hpp
};

// The bytes that are signed: "1;/nix/store/…;sha256:NIX32;SIZE;REF,REF" with full paths, references sorted bytewise
// (Nix, libstore/path-info.cc).
std::string fingerprint(const StorePath& path, const codec::Hash& nar_hash, std::uint64_t nar_size,
                        const std::vector<StorePath>& references);

// The path that a text without references gets in every store, and its content address ("text:sha256:…"). `name` must
// be one that a store path may have.
std::pair<StorePath, std::string> text_path(std::string_view name, std::string_view text);

// Whether it is written as one at all; Nix refuses a narinfo that has another. (Hashes that are none of ours are let
// pass.)
bool is_content_address(std::string_view text);
// Does `content_address` reproduce `path`? Such a path needs no signature (Nix, libstore/path-info.cc). False when
// there is none, or one of a method we do not know (git).
bool content_address_matches(const StorePath& path, std::string_view content_address,
                             const std::vector<StorePath>& references);

} // namespace cachefill::nix
