#include "unit/cache/attic_backend.hpp"

namespace cachefill::test {

AtticServerSettings AtticBackend::settings(const std::filesystem::path& directory) {
    AtticServerSettings settings;
    settings.directory = directory / "attic";
    settings.push_tokens = {"push-token"};
    settings.pull_tokens = {"pull-token"};
    return settings;
}

cache::Credentials AtticBackend::credentials(const std::string& token) const {
    cache::Credentials credentials;
    credentials.attic.endpoint = server_.url();
    if (!token.empty()) credentials.attic.token = Secret(token);
    credentials.attic.source = "ATTIC_TOKEN";
    return credentials;
}

} // namespace cachefill::test
