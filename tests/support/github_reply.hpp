#pragma once

#include "support/http_server.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

// What every answer of the stand-in of GitHub's REST API is made of.
namespace cachefill::test {

nlohmann::json message(std::string_view text); // as GitHub words an error
HttpReply reply(int status, const nlohmann::json& body);
HttpReply not_found();

std::vector<std::string> parts_of(std::string_view path);
std::string decode(std::string_view text);
std::map<std::string, std::string> query_of(std::string_view target);

} // namespace cachefill::test
