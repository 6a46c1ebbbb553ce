#include "eval/git_variables.hpp"

#include <array>
#include <utility>

namespace cachefill::eval {

std::string git_settings_of_variables(const Environment& environment) {
    constexpr std::array<std::pair<const char*, const char*>, 4> settings{{{"GIT_SSL_CERT", "http.sslcert"},
                                                                           {"GIT_SSL_KEY", "http.sslkey"},
                                                                           {"GIT_SSL_CAINFO", "http.sslcainfo"},
                                                                           {"GIT_SSL_CAPATH", "http.sslcapath"}}};
    std::string listing;
    for (const auto& [variable, setting] : settings)
        if (auto value = environment.get_or(variable); !value.empty())
            listing += std::string(setting) + "\n" + value + std::string(1, '\0');
    return listing;
}

} // namespace cachefill::eval
