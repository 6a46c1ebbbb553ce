#include "unit/cache/niks3_backend.hpp"

namespace cachefill::test {

Niks3ServerSettings Niks3Backend::settings(const std::filesystem::path& directory) {
    Niks3ServerSettings settings;
    settings.directory = directory / "niks3";
    settings.tokens = {"push-token"};
    return settings;
}

cache::Credentials Niks3Backend::credentials(const std::string& token) const {
    cache::Credentials credentials;
    if (!token.empty()) credentials.niks3.token = Secret(token);
    credentials.niks3.source = "NIKS3_AUTH_TOKEN";
    return credentials;
}

} // namespace cachefill::test
