#pragma once

#include "base/environment.hpp"
#include "cache/aws_signature.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::cache {

// ~/.aws/credentials, or what is put in its place. Empty: there is none for us.
std::filesystem::path aws_credentials_file(const Environment& environment);
// ~/.aws/config.
std::filesystem::path aws_config_file(const Environment& environment);

// The sections of such a file, each with its settings; names without the word "profile" that config has before them.
using AwsSections = std::map<std::string, std::map<std::string, std::string>>;
AwsSections parse_aws_file(std::string_view text);

// What both files say of one profile.
struct AwsProfile {
    std::optional<AwsKey> key;
    std::map<std::string, std::string> settings;
    bool is_there = false;
    std::vector<std::string> passed_over; // files that are not taken, each with why
};
// Keys are taken from files that nobody else may read, the rest from those that nobody else may write to.
AwsProfile read_aws_profile(const Environment& environment, const std::string& name);

} // namespace cachefill::cache
