#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <span>

namespace cachefill::http {

// Where systems keep the certificates of the authorities they trust: Debian and NixOS, older NixOS, Fedora, macOS and
// Alpine, and what Nix's own installers bring along.
std::span<const std::filesystem::path> usual_certificate_files();

// The bundle to trust: NIX_SSL_CERT_FILE, else SSL_CERT_FILE, else the first of `places` that is there. A variable that
// is set decides, also when its file cannot be read: whoever set it means it. A machine failure names all that was
// tried.
Result<std::filesystem::path>
find_certificate_file(const Environment& environment,
                      std::span<const std::filesystem::path> places = usual_certificate_files());

} // namespace cachefill::http
