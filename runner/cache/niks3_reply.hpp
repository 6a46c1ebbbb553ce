#pragma once

#include "cache/niks3_api.hpp"

namespace cachefill::cache {

// What a server of niks3 answers, on its way into this program. Whatever makes no sense is a protocol failure that
// repeats the start of it.

Result<Niks3Config> read_niks3_config(const http::Response& response);
// Its addresses are http or https ones without a login.
Result<Niks3Pending> read_niks3_pending(const http::Response& response);
Result<std::vector<std::string>> read_niks3_signatures(const http::Response& response, const std::string& key);
// So many, from the one that was asked for on.
Result<std::vector<std::string>> read_niks3_part_urls(const http::Response& response, std::size_t count);
Result<std::optional<nix::StorePath>> read_niks3_pin(const http::Response& response, const std::string& name);

} // namespace cachefill::cache
