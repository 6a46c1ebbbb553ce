#include "support/github_reply.hpp"

namespace cachefill::test {

using nlohmann::json;

json message(std::string_view text) {
    return {{"message", text}, {"documentation_url", "https://docs.github.com/rest"}};
}

HttpReply reply(int status, const json& body) {
    HttpReply reply(status, body.dump());
    reply.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
    return reply;
}

HttpReply not_found() { return reply(404, message("Not Found")); }

std::vector<std::string> parts_of(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        auto slash = path.find('/');
        if (slash != 0) parts.emplace_back(path.substr(0, slash));
        path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
    }
    return parts;
}

std::string decode(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '%' && i + 2 < text.size()) {
            plain += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else {
            plain += text[i];
        }
    return plain;
}

std::map<std::string, std::string> query_of(std::string_view target) {
    std::map<std::string, std::string> query;
    auto mark = target.find('?');
    if (mark == target.npos) return query;
    auto rest = target.substr(mark + 1);
    while (!rest.empty()) {
        auto end = rest.find('&');
        auto pair = rest.substr(0, end);
        auto equals = pair.find('=');
        query[decode(pair.substr(0, equals))] = equals == pair.npos ? "" : decode(pair.substr(equals + 1));
        rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    return query;
}

} // namespace cachefill::test
