#include "cache/aws_profile.hpp"

#include "base/text.hpp"
#include "cache/token_store.hpp"

namespace cachefill::cache {

namespace fs = std::filesystem;

namespace {

fs::path file_or(const Environment& environment, const std::string& variable, const char* usual) {
    fs::path given = environment.get_or(variable);
    if (!given.empty()) return given.is_absolute() ? given : fs::path();
    fs::path home = environment.get_or("HOME");
    // As with other files of this kind: a step goes by what it was handed.
    if (environment.get_or("GITHUB_ACTIONS") == "true" || !home.is_absolute()) return {};
    return home / ".aws" / usual;
}

std::string setting(const std::map<std::string, std::string>& settings, const std::string& name) {
    auto found = settings.find(name);
    return found == settings.end() ? std::string() : found->second;
}

std::optional<AwsKey> key_in(const std::map<std::string, std::string>& settings, const std::string& source) {
    AwsKey key;
    key.id = setting(settings, "aws_access_key_id");
    key.secret = Secret(setting(settings, "aws_secret_access_key"));
    key.session_token = Secret(setting(settings, "aws_session_token"));
    key.source = source;
    if (key.id.empty() || key.secret.empty()) return {};
    return key;
}

void take(AwsProfile& profile, const std::string& name, const fs::path& file, const std::string& text, bool with_keys) {
    auto sections = parse_aws_file(text);
    auto found = sections.find(name);
    if (found == sections.end()) return;
    profile.is_there = true;
    if (with_keys && !profile.key) profile.key = key_in(found->second, "the file " + file.string());
    for (auto& [key, value] : found->second)
        if (!key.starts_with("aws_s") && !key.starts_with("aws_access")) profile.settings.emplace(key, value);
}

} // namespace

fs::path aws_credentials_file(const Environment& environment) {
    return file_or(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
}

fs::path aws_config_file(const Environment& environment) { return file_or(environment, "AWS_CONFIG_FILE", "config"); }

AwsSections parse_aws_file(std::string_view text) {
    AwsSections sections;
    std::map<std::string, std::string>* section = nullptr;
    for (auto line : split(text, '\n')) {
        bool is_nested = line.starts_with(' ') || line.starts_with('\t');
        auto words = trim(line);
        if (words.empty() || words.front() == '#' || words.front() == ';') continue;
        if (words.front() == '[') {
            auto name = trim(words.substr(1, words.find(']') - 1));
            if (name.starts_with("profile ")) name = trim(name.substr(8));
            section = &sections[std::string(name)];
            continue;
        }
        auto equals = words.find('=');
        if (section == nullptr || is_nested || equals == words.npos) continue;
        auto value = words.substr(equals + 1);
        value = value.substr(0, std::min(value.find(" #"), value.find(" ;")));
        section->emplace(to_lower(trim(words.substr(0, equals))), std::string(trim(value)));
    }
    return sections;
}

AwsProfile read_aws_profile(const Environment& environment, const std::string& name) {
    AwsProfile profile;
    for (const auto& file : {aws_credentials_file(environment), aws_config_file(environment)}) {
        if (file.empty()) continue;
        auto kept_private = read_private_file(file, Links::follow);
        if (kept_private && !*kept_private) continue; // there is none
        if (kept_private) {
            take(profile, name, file, **kept_private, true);
            continue;
        }
        profile.passed_over.push_back(kept_private.error().one_line());
        if (file != aws_config_file(environment)) continue;
        auto readable = read_named_secret(file, SecretKind::signing_key);
        if (readable) take(profile, name, file, *readable, false);
    }
    return profile;
}

} // namespace cachefill::cache
