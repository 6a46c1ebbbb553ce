#include "session/hg_configuration.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace cachefill::session {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_file = 1 << 20;

bool says_of_logins(const fs::path& file) {
    std::error_code ignored;
    if (!fs::exists(file, ignored)) return false;
    auto text = read_file(file, longest_file);
    if (!text) return true;
    for (auto line : split(*text, '\n')) {
        auto begin = trim(line);
        for (std::string_view one : {"[auth", "[extensions", "[schemes", "%include"})
            if (begin.starts_with(one)) return true;
    }
    return false;
}

} // namespace

std::string why_hg_is_private(const Environment& environment) {
    // As "hg help config" lists them.
    if (!environment.get_or("HGRCPATH").empty()) return "what Mercurial is set up to send is not known (HGRCPATH)";
    std::vector<fs::path> files{"/etc/mercurial/hgrc"};
    fs::path home = environment.get_or("HOME"), settings = environment.get_or("XDG_CONFIG_HOME");
    if (!settings.is_absolute() && home.is_absolute()) settings = home / ".config";
    if (home.is_absolute()) files.push_back(home / ".hgrc");
    if (settings.is_absolute()) files.push_back(settings / "hg/hgrc");
    std::error_code failed;
    for (fs::directory_iterator entry("/etc/mercurial/hgrc.d", failed), end; !failed && entry != end;
         entry.increment(failed))
        if (entry->path().extension() == ".rc") files.push_back(entry->path());
    if (std::any_of(files.begin(), files.end(), says_of_logins))
        return "Mercurial may send a login along (hgrc: [auth], or what is not looked into)";
    return {};
}

} // namespace cachefill::session
