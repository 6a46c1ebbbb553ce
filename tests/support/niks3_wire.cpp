#include "support/niks3_wire.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <regex>

namespace cachefill::test::niks3_wire {

HttpReply text_reply(int status, const std::string& text) {
    HttpReply reply(status, text + "\n");
    reply.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    return reply;
}

// As Go writes it: the addresses in it come with "\u0026".
HttpReply json_reply(const nlohmann::json& json) {
    std::string text;
    for (char c : json.dump())
        if (c == '&')
            text += "\\u0026";
        else
            text += c;
    HttpReply reply(200, text + "\n");
    reply.headers.emplace_back("Content-Type", "application/json");
    return reply;
}

HttpReply s3_error(int status, const std::string& code, const std::string& message) {
    HttpReply reply(status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code + "</Code><Message>" +
                                message + "</Message></Error>");
    reply.headers.emplace_back("Content-Type", "application/xml");
    return reply;
}

bool is_key(const std::string& key, const std::string& type) {
    static const std::string digits = "[0123456789abcdfghijklmnpqrsvwxyz]";
    static const std::regex narinfo("^" + digits + "{32}\\.narinfo$"), listing("^" + digits + "{32}\\.ls$"),
        nar("^nar/" + digits + "{52}\\.nar(\\.zst|\\.xz|\\.bz2)?$"), log("^log/[a-zA-Z0-9+._?=-]+\\.drv$");
    if (type == "narinfo") return std::regex_match(key, narinfo);
    if (type == "nar") return std::regex_match(key, nar);
    if (type == "listing") return std::regex_match(key, listing);
    return type == "build_log" && std::regex_match(key, log);
}

std::string parameter(const std::string& target, const std::string& name) {
    auto question = target.find('?');
    if (question == target.npos) return {};
    for (auto piece : split(std::string_view(target).substr(question + 1), '&'))
        if (piece.starts_with(name + "=")) return std::string(piece.substr(name.size() + 1));
    return {};
}

std::size_t parts_for(std::uint64_t nar_size, std::uint64_t part) {
    auto count = (nar_size + part - 1) / part;
    return std::clamp<std::size_t>(count + count / 5, 2, 100);
}

} // namespace cachefill::test::niks3_wire
