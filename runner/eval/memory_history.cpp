#include "eval/memory_history.hpp"

#include "base/files.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::eval {

namespace {

constexpr std::uint64_t largest_file = 8U << 20;

} // namespace

Result<MemoryHistory> MemoryHistory::read(const std::filesystem::path& file) {
    MemoryHistory history;
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return history;
    TRY(text, read_file(file, largest_file));
    auto json = nlohmann::json::parse(text, nullptr, false);
    auto not_understood = [&] { return Failure(FailureKind::machine, file.string() + " is not a memory history"); };
    if (!json.is_object() || json.value("version", nlohmann::json()) != 1) return not_understood();
    auto peaks = json.find("peaks");
    if (peaks == json.end() || !peaks->is_object()) return not_understood();
    for (const auto& [target, peak] : peaks->items())
        if (peak.is_number_unsigned()) history.peaks_[target] = peak.get<std::uint64_t>();
    return history;
}

std::optional<std::uint64_t> MemoryHistory::peak(const std::string& target) const {
    auto it = peaks_.find(target);
    if (it == peaks_.end()) return {};
    return it->second;
}

void MemoryHistory::learn(const std::string& target, std::uint64_t peak) {
    auto& known = peaks_[target];
    known = peak >= known ? peak : peak + (known - peak) / 2;
}

Result<void> MemoryHistory::write(const std::filesystem::path& file) const {
    nlohmann::json json{{"version", 1}, {"peaks", peaks_}};
    if (file.has_parent_path()) TRY_VOID(cachefill::create_directories(file.parent_path()));
    // Names come from flakes and need not be UTF-8.
    return write_file_atomically(file, json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

} // namespace cachefill::eval
