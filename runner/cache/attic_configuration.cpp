#include "cache/attic_configuration.hpp"

#include "base/files.hpp"
#include "cache/token_store.hpp"

// It asserts of a text, and in release builds lets clang take for granted, what it looks at only afterwards. Without
// that it says where the text is none.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <algorithm>
#include <toml++/toml.h>

namespace cachefill::cache {

namespace {

// The library's own words may repeat what stands there.
Failure unexpected(std::size_t line) {
    return Failure(FailureKind::usage, "line " + std::to_string(line) + " is not as attic writes it")
        .with_hint("'attic login NAME URL TOKEN' writes such a file; 'cachefill login' needs none");
}
Failure unexpected(const toml::source_region& place) { return unexpected(place.begin.line); }

// Past the string that begins at `at`, or at the end.
std::size_t after_string(std::string_view text, std::size_t at) {
    auto quotes = text.substr(at, 3);
    bool is_long = quotes == "\"\"\"" || quotes == "'''";
    if (!is_long) quotes = quotes.substr(0, 1);
    for (at += quotes.size(); at < text.size(); ++at) {
        if (text.substr(at).starts_with(quotes)) return at + quotes.size();
        if (text[at] == '\n' && !is_long) return at;
        if (text[at] == '\\' && quotes.front() == '"') ++at;
    }
    return text.size();
}

// Outside of strings and comments TOML is ASCII, and the library takes for granted that it is. The number of the first
// line where it is not.
std::optional<std::size_t> first_odd_line(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        auto c = text[at];
        if (static_cast<unsigned char>(c) >= 0x80)
            return 1 + static_cast<std::size_t>(
                           std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
        if (c == '#')
            at = std::min(text.find('\n', at), text.size());
        else
            at = c == '"' || c == '\'' ? after_string(text, at) : at + 1;
    }
    return {};
}

// Empty: it is not there.
Result<std::string> text_at(const toml::table& table, std::string_view name) {
    const auto* node = table.get(name);
    if (!node) return std::string();
    if (auto text = node->value_exact<std::string>()) return *text;
    return unexpected(node->source());
}

Result<AtticServer> read_server(const toml::table& table) {
    AtticServer server;
    TRY(endpoint, text_at(table, "endpoint"));
    TRY(token, text_at(table, "token"));
    TRY(token_file, text_at(table, "token-file"));
    server.endpoint = std::move(endpoint);
    server.token = Secret(std::move(token));
    server.token_file = std::move(token_file);
    return server;
}

} // namespace

Result<AtticConfiguration> parse_attic_configuration(std::string_view text) {
    constexpr std::string_view mark_of_utf8 = "\xEF\xBB\xBF";
    if (text.starts_with(mark_of_utf8)) text.remove_prefix(mark_of_utf8.size());
    if (auto line = first_odd_line(text)) return unexpected(*line);
    auto parsed = toml::parse(text);
    if (!parsed) return unexpected(parsed.error().source());
    const auto& file = parsed.table();
    AtticConfiguration configuration;
    TRY(default_server, text_at(file, "default-server"));
    configuration.default_server = std::move(default_server);
    const auto* servers = file.get("servers");
    if (!servers) return configuration;
    if (!servers->is_table()) return unexpected(servers->source());
    for (const auto& [name, entry] : *servers->as_table()) {
        if (!entry.is_table()) return unexpected(entry.source());
        if (entry.as_table()->empty()) continue;
        TRY(server, read_server(*entry.as_table()));
        configuration.servers.emplace(std::string(name.str()), std::move(server));
    }
    return configuration;
}

std::filesystem::path attic_configuration_file(const Environment& environment) {
    auto home = configuration_home(environment);
    return home.empty() ? home : home / "attic/config.toml";
}

std::vector<std::filesystem::path> attic_secret_files(const Environment& environment) {
    constexpr std::uint64_t longest = 1 << 20;
    auto own = attic_configuration_file(environment);
    if (own.empty()) return {};
    std::vector<std::filesystem::path> files{own};
    auto text = read_file(own, longest);
    auto configuration = text ? parse_attic_configuration(*text) : AtticConfiguration();
    if (!configuration) return files;
    for (const auto& [name, server] : configuration->servers)
        if (!server.token_file.empty()) files.emplace_back(server.token_file);
    return files;
}

} // namespace cachefill::cache
