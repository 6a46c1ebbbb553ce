// Files with logins that other programs wrote: cachix.dhall, attic's config.toml, ~/.aws/config, a token alone.
//
// The first byte chooses the format. A file that is none is a usage failure, and repeats nothing of it: a word that
// stands in front, where only a login can be, is in no failure.
#include "cache/attic_configuration.hpp"
#include "cache/aws_profile.hpp"
#include "cache/cachix_configuration.hpp"
#include "cache/token_store.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

namespace cachefill::fuzz {

namespace {

template <class T> void told(const Result<T>& result) {
    if (result) return;
    require_told(result.error(), {FailureKind::usage});
    auto all = result.error().one_line() + result.error().hint();
    require(!holds_planted(all), "a failure repeats nothing of the file");
}

void aws(std::string_view input) {
    auto text =
        std::string("[planted]\naws_secret_access_key = ") + std::string(planted) + "\n[end]\n" + std::string(input);
    auto sections = cache::parse_aws_file(text);
    require(sections.contains("planted"), "what stands before does not depend on what follows");
    for (const auto& [name, settings] : cache::parse_aws_file(input))
        for (const auto& [key, value] : settings)
            require(key.find('\n') == key.npos && value.find('\n') == value.npos, "a setting is one line");
}

} // namespace

void credential_files(std::string_view input) {
    if (input.empty() || may_become_planted(input)) return;
    unsigned choice = static_cast<unsigned char>(input.front()) % 4;
    input.remove_prefix(1);
    std::string secret(planted), rest(input);
    switch (choice) {
    case 0:
        told(cache::parse_cachix_configuration(input));
        told(cache::parse_cachix_configuration("{ authToken = \"" + secret + "\", " + rest));
        break;
    case 1:
        told(cache::parse_attic_configuration(input));
        told(cache::parse_attic_configuration("[servers.a]\ntoken = \"" + secret + "\"\n" + rest));
        told(cache::parse_attic_configuration("[servers.a]\ntoken = \"" + secret + rest));
        break;
    case 2:
        return aws(input);
    default:
        told(cache::parse_token(secret + rest, "A_VARIABLE"));
    }
}

} // namespace cachefill::fuzz
