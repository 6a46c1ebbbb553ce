#include "http/certificates.hpp"

#include <array>
#include <unistd.h>

namespace cachefill::http {

namespace fs = std::filesystem;

namespace {

bool is_readable_file(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && ::access(path.c_str(), R_OK) == 0;
}

} // namespace

std::span<const fs::path> usual_certificate_files() {
    static const std::array<fs::path, 6> places{
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/certs/ca-bundle.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
        "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt",
        "/run/current-system/sw/etc/ssl/certs/ca-bundle.crt",
    };
    return places;
}

Result<fs::path> find_certificate_file(const Environment& environment, std::span<const fs::path> places) {
    for (const auto* variable : {"NIX_SSL_CERT_FILE", "SSL_CERT_FILE"}) {
        fs::path path = environment.get_or(variable);
        if (path.empty()) continue;
        if (is_readable_file(path)) return path;
        return Failure(FailureKind::machine,
                       std::string(variable) + " names " + path.string() + ", which is no file that can be read")
            .with_hint("let it name a PEM file with the certificates of the authorities to trust, or unset it");
    }
    std::string tried = "NIX_SSL_CERT_FILE and SSL_CERT_FILE are not set";
    for (const auto& place : places) {
        if (is_readable_file(place)) return place;
        tried += ", no " + place.string();
    }
    return Failure(FailureKind::machine, "found no certificates to check https servers with: " + tried)
        .with_hint("install the package ca-certificates, or let NIX_SSL_CERT_FILE name a bundle in PEM format");
}

} // namespace cachefill::http
