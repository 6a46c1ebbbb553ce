#include "options/known_hosts.hpp"

#include "base/files.hpp"
#include "base/own_place.hpp"
#include "base/ownership.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "options/command_line.hpp"
#include "options/flake_around.hpp"
#include "options/state_directory.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

namespace cachefill::options {

namespace {

constexpr std::uint64_t longest_file = 1 << 20;
constexpr std::size_t most_flakes = 32, most_hosts = 1000, most_entries = 10'000;
// Read of one text, begun anew at each place that looks like a list of hosts: whoever wrote it chose how many there
// are.
constexpr std::size_t most_read = 4 * longest_file;

struct Kind {
    std::string_view name, attribute;
};
constexpr std::array<Kind, 3> kinds{
    {{"nixos:", "nixosConfigurations"}, {"darwin:", "darwinConfigurations"}, {"home:", "homeConfigurations"}}};

// A shell inserts what it is offered into a command line, and the names come from whoever wrote the flake.
bool is_harmless_name(std::string_view name) {
    auto is_plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("._@:+-").find(c) != std::string::npos;
    };
    return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), is_plain);
}

// The same flake by whatever path.
std::string key_of(const std::string& flake) {
    std::error_code error;
    auto whole = std::filesystem::canonical(flake, error);
    return error ? flake : whole.string();
}

std::filesystem::path file_in(const std::filesystem::path& state_directory) { return state_directory / "hosts"; }

std::vector<std::string> lines_of(const std::filesystem::path& state_directory) {
    std::vector<std::string> lines;
    auto file = file_in(state_directory);
    // What another user wrote there, or led there by a link, are no hosts of ours.
    if (state_directory.empty() || !why_not_ours_alone(file).empty()) return lines;
    auto text = read_file(file, longest_file);
    if (!text) return lines;
    for (auto line : split(std::string_view(*text), '\n'))
        if (!line.empty()) lines.emplace_back(line);
    return lines;
}

bool is_of(const std::string& line, const std::string& key) {
    return line.starts_with(key) && line.size() > key.size() && line[key.size()] == '\t';
}

// Reads Nix as far as names of attributes need it.
class Reader {
  public:
    Reader(std::string_view text, std::size_t at) : text_(text), at_(at) {}

    // Behind "nixosConfigurations": ".NAME", or "= { NAME = …; NAME.… = …; }".
    std::vector<std::string> names() {
        skip_blanks();
        if (take('.')) return {name()};
        if (!take('=')) return {};
        skip_blanks();
        return take('{') ? names_in_set() : std::vector<std::string>();
    }

    std::size_t position() const { return at_; }

  private:
    bool at_end() const { return at_ >= text_.size(); }
    bool take(char c) {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void skip_blanks() {
        while (!at_end() && (std::isspace(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '#'))
            at_ = text_[at_] == '#' ? std::min(text_.find('\n', at_), text_.size()) : at_ + 1;
    }
    std::string name() {
        skip_blanks();
        auto start = at_;
        if (take('"')) {
            at_ = std::min(text_.find('"', at_), text_.size());
            return std::string(text_.substr(start + 1, std::exchange(at_, at_ + 1) - start - 1));
        }
        auto is_part = [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '\'';
        };
        while (!at_end() && is_part(text_[at_])) ++at_;
        return std::string(text_.substr(start, at_ - start));
    }
    void skip_string(std::string_view quote) {
        at_ += quote.size();
        while (!at_end() && !text_.substr(at_).starts_with(quote)) at_ += text_[at_] == '\\' ? 2 : 1;
        at_ = std::min(at_ + quote.size(), text_.size());
    }
    // Up to and behind the ';' that ends a binding; at the set's '}' nothing more follows.
    bool skip_value() {
        for (int depth = 0; !at_end();) {
            skip_blanks();
            if (at_end()) return false;
            auto rest = text_.substr(at_);
            if (rest.starts_with("''") || rest.starts_with('"')) {
                skip_string(rest.starts_with('"') ? "\"" : "''");
                continue;
            }
            char c = text_[at_++];
            if (c == ';' && depth == 0) return true;
            if (c == '{' || c == '(' || c == '[') ++depth;
            if ((c == '}' || c == ')' || c == ']') && --depth < 0) return false;
        }
        return false;
    }
    std::vector<std::string> names_in_set() {
        std::vector<std::string> names;
        do {
            auto one = name();
            skip_blanks();
            bool is_binding = !at_end() && (text_[at_] == '=' || text_[at_] == '.');
            if (one.empty()) return names;
            if (is_binding) names.push_back(std::move(one));
        } while (names.size() < most_hosts && skip_value());
        return names;
    }

    std::string_view text_;
    std::size_t at_;
};

// A flake that is put together from folders: what is called after its hosts by custom.
std::vector<std::string> hosts_by_folder(const std::filesystem::path& flake) {
    std::vector<std::string> names;
    std::size_t seen = 0;
    for (const char* place : {"hosts", "machines", "systems"}) {
        std::error_code error;
        if (!is_in_work_tree(flake / place, flake)) continue; // a link: names of files elsewhere are not theirs to show
        for (std::filesystem::directory_iterator entry(flake / place, error), end;
             !error && entry != end && ++seen <= most_entries; entry.increment(error)) {
            auto path = entry->path();
            auto name = path.extension() == ".nix" ? path.stem().string() : path.filename().string();
            bool is_one = path.extension() == ".nix" || entry->is_directory(error);
            if (is_one && name != "default" && names.size() < most_hosts) names.push_back("nixos:" + name);
        }
    }
    return names;
}

// --flake, else the first word that is a flake's folder, else what a command takes that names none.
std::string flake_of(std::span<const std::string> words, const Environment& environment) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        if (words[i] == "--flake" && i + 2 < words.size()) return words[i + 1];
    std::error_code ignored;
    for (std::size_t i = 1; i + 1 < words.size(); ++i)
        if (std::filesystem::exists(std::filesystem::path(words[i]) / "flake.nix", ignored)) return words[i];
    return default_flake(environment);
}

} // namespace

void remember_hosts(const std::filesystem::path& state_directory, const std::string& flake,
                    const std::vector<std::string>& hosts) {
    auto key = key_of(flake);
    if (state_directory.empty() || holds_secret(key) || key.find_first_of("\t\n") != std::string::npos) return;
    auto line = key;
    for (const auto& host : hosts)
        if (is_harmless_name(host)) line += "\t" + host;
    auto lines = lines_of(state_directory);
    if (!lines.empty() && lines.front() == line) return;
    std::erase_if(lines, [&](const auto& other) { return is_of(other, key); });
    lines.insert(lines.begin(), std::move(line));
    if (lines.size() > most_flakes) lines.resize(most_flakes);
    auto text = join(lines, "\n") + "\n";
    if (text.size() <= longest_file) static_cast<void>(write_file_atomically(file_in(state_directory), text));
}

std::vector<std::string> remembered_hosts(const std::filesystem::path& state_directory, const std::string& flake) {
    auto key = key_of(flake);
    for (const auto& line : lines_of(state_directory)) {
        if (!is_of(line, key)) continue;
        std::vector<std::string> hosts;
        for (auto host : split(std::string_view(line).substr(key.size() + 1), '\t')) hosts.emplace_back(host);
        return hosts;
    }
    return {};
}

std::vector<std::string> written_hosts(std::string_view flake_nix) {
    std::vector<std::string> hosts;
    std::size_t read = 0;
    for (const auto& [kind, attribute] : kinds)
        for (auto at = flake_nix.find(attribute); at != flake_nix.npos && hosts.size() < most_hosts && read < most_read;
             at = flake_nix.find(attribute, at + 1)) {
            Reader reader(flake_nix, at + attribute.size());
            for (const auto& name : reader.names())
                if (!name.empty()) hosts.push_back(std::string(kind) + name);
            read += reader.position() - at;
        }
    return hosts;
}

std::string offered_hosts(std::span<const std::string> words, const Environment& environment) {
    auto begun = words.empty() ? std::string() : words.back();
    auto flake = flake_around(flake_of(words, environment));
    Settings settings;
    settings.state_directory = environment.get_or("CACHEFILL_STATE_DIRECTORY");
    auto hosts = remembered_hosts(state_directory_of(settings, environment), flake);
    if (hosts.empty())
        if (auto text = read_work_tree_file(std::filesystem::path(flake) / "flake.nix", flake, longest_file))
            hosts = written_hosts(*text);
    if (hosts.empty()) hosts = hosts_by_folder(flake);
    std::set<std::string> offered;
    for (const auto& host : hosts) {
        auto name = begun.find(':') == std::string::npos ? host.substr(host.find(':') + 1) : host;
        if (name.starts_with(begun) && is_harmless_name(name)) offered.insert(std::move(name));
    }
    std::string text;
    for (const auto& name : offered) text += name + "\n";
    return text;
}

} // namespace cachefill::options
