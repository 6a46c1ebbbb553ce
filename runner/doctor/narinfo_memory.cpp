#include "doctor/narinfo_memory.hpp"

#include "base/text.hpp"
#include "sqlite/database.hpp"

#include <algorithm>

namespace cachefill::doctor {

std::vector<std::filesystem::path> narinfo_memories(const Environment& environment) {
    std::vector<std::filesystem::path> places;
    auto add = [&](const std::string& directory) {
        if (!directory.empty() && std::find(places.begin(), places.end(), directory) == places.end())
            places.emplace_back(directory);
    };
    add(environment.get_or("NIX_CACHE_HOME"));
    if (auto cache = environment.get_or("XDG_CACHE_HOME"); !cache.empty()) add(cache + "/nix");
    if (auto home = environment.get_or("HOME"); !home.empty()) add(home + "/.cache/nix");
    add("/root/.cache/nix");
    add("/var/root/.cache/nix"); // macOS
    std::vector<std::filesystem::path> files;
    for (const auto& place : places)
        for (int version = 6; version <= 9; ++version) {
            auto file = place / ("binary-cache-v" + std::to_string(version) + ".sqlite");
            std::error_code error;
            bool there = std::filesystem::exists(file, error);
            if (there) files.push_back(file);
        }
    return files;
}

Result<std::vector<RememberedAbsence>> remembered_absences(const std::filesystem::path& file,
                                                           const std::vector<std::string>& hash_parts,
                                                           std::chrono::seconds lifetime,
                                                           std::chrono::system_clock::time_point now) {
    using std::chrono::system_clock;
    TRY(database, sqlite::Database::open(file, sqlite::Database::Mode::read_only));
    TRY(statement, database.prepare("SELECT b.url, n.timestamp FROM NARs n JOIN BinaryCaches b ON b.id = n.cache "
                                    "WHERE n.hashPart = ?1 AND n.present = 0 AND n.timestamp > ?2"));
    std::vector<RememberedAbsence> remembered;
    for (const auto& hash_part : hash_parts) {
        statement.bind(1, hash_part).bind(2, static_cast<std::int64_t>(system_clock::to_time_t(now - lifetime)));
        for (;;) {
            TRY(has_row, statement.step());
            if (!has_row) break;
            RememberedAbsence absence;
            absence.hash_part = hash_part;
            absence.cache = redact_url(statement.text(0)); // Nix keeps it with its password
            absence.until = system_clock::from_time_t(static_cast<std::time_t>(statement.number(1))) + lifetime;
            remembered.push_back(std::move(absence));
        }
        TRY_VOID(statement.run());
    }
    return remembered;
}

} // namespace cachefill::doctor
