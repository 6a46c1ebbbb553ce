#pragma once

#include "support/http_server.hpp"

#include <nlohmann/json_fwd.hpp>

// How the stand-in of niks3 reads and answers.
namespace cachefill::test::niks3_wire {

HttpReply text_reply(int status, const std::string& text);
// As Go writes it: the addresses in it come with "\\u0026".
HttpReply json_reply(const nlohmann::json& json);
HttpReply s3_error(int status, const std::string& code, const std::string& message);

// What a file of that type may be called.
bool is_key(const std::string& key, const std::string& type);
// Of the query of a request's target, as it stands there.
std::string parameter(const std::string& target, const std::string& name);
// For how many parts of a NAR addresses are given at first.
std::size_t parts_for(std::uint64_t nar_size, std::uint64_t part);

} // namespace cachefill::test::niks3_wire
