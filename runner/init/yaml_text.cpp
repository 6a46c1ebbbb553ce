#include "init/yaml_text.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace cachefill::init {

std::string yaml(const std::string& text) {
    bool is_plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) ||
               std::string_view("-_./").find(c) != std::string_view::npos;
    });
    // "true", "1.0", "-" and the like would be something else than text.
    if (is_plain && std::isalpha(static_cast<unsigned char>(text[0])) &&
        !std::set<std::string>{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}.contains(to_lower(text)))
        return text;
    std::string quoted = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (static_cast<unsigned char>(c) < ' ' ||
            c == 0x7F) // a line's end would be a blank, and might begin a document
            quoted += fmt::format("\\x{:02x}", c);
        else
            quoted += c;
    }
    return quoted + "\"";
}

std::string yaml_list(const std::vector<std::string>& texts) {
    std::vector<std::string> items;
    for (const auto& text : texts) items.push_back(yaml(text));
    return "[" + join(items, ", ") + "]";
}

} // namespace cachefill::init
