#include "eval/past_evaluations.hpp"

#include "base/files.hpp"
#include "codec/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::eval {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::uint64_t largest_file = 8U << 20;
constexpr std::size_t longest_text = 1000;
// One bad hour, or a first time that had all derivations to write, must not decide for ever: what was not measured for
// some dozens of runs looks better and better until it is tried again.
milliseconds grown_old(milliseconds time) { return time * 49 / 50; }

std::uint64_t number_in(const Json& object, const char* key) {
    auto it = object.find(key);
    return it != object.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

std::string text_in(const Json& object, const char* key) {
    auto it = object.find(key);
    auto text = it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
    return text.size() > longest_text ? std::string() : text;
}

milliseconds time_in(const Json& object, const char* key) {
    constexpr std::uint64_t longest = 1000ULL * 60 * 60 * 24 * 365; // a year: sums of two do not overflow
    return milliseconds(std::min(number_in(object, key), longest));
}

Json to_json(const PastEvaluation& past) {
    Json json{
        {"took_ms", past.took.count()}, {"plain_ms", past.plain.count()}, {"with_room_ms", past.with_room.count()}};
    if (!past.licence.empty()) json.update({{"licence", past.licence}, {"lock", past.lock}, {"unasked", past.unasked}});
    return json;
}

} // namespace

Result<PastEvaluations> PastEvaluations::read(const std::filesystem::path& file) {
    PastEvaluations past;
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return past;
    TRY(text, read_file(file, largest_file));
    auto json = Json::parse(text, nullptr, false);
    auto not_understood = [&] {
        return Failure(FailureKind::machine, file.string() + " is no record of past evaluations");
    };
    if (!json.is_object() || json.value("version", Json()) != 1) return not_understood();
    auto peaks = json.find("peaks");
    if (peaks == json.end() || !peaks->is_object()) return not_understood();
    for (const auto& [target, peak] : peaks->items())
        if (peak.is_number_unsigned()) past.targets_[target].need = peak.get<std::uint64_t>();
    auto evaluations = json.value("evaluations", Json::object());
    for (const auto& [target, known] : evaluations.items()) {
        if (!known.is_object()) continue;
        auto& entry = past.targets_[target];
        entry.took = time_in(known, "took_ms");
        entry.plain = time_in(known, "plain_ms");
        entry.with_room = time_in(known, "with_room_ms");
        entry.licence = text_in(known, "licence");
        entry.lock = text_in(known, "lock");
        entry.unasked = static_cast<unsigned>(std::min<std::uint64_t>(number_in(known, "unasked"), most_unasked));
    }
    return past;
}

Result<void> PastEvaluations::write(const std::filesystem::path& file) const {
    Json peaks = Json::object();
    Json evaluations = Json::object();
    for (const auto& [target, past] : targets_) {
        if (past.need) peaks[target] = past.need;
        evaluations[target] = to_json(past);
    }
    Json json{{"version", 1}, {"peaks", std::move(peaks)}, {"evaluations", std::move(evaluations)}};
    if (file.has_parent_path()) TRY_VOID(cachefill::create_directories(file.parent_path()));
    // Names come from flakes and need not be UTF-8.
    return write_file_atomically(file, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

PastEvaluation PastEvaluations::of(const std::string& target) const {
    auto it = targets_.find(target);
    return it == targets_.end() ? PastEvaluation() : it->second;
}

void PastEvaluations::learn(const std::string& target, const Used& used) {
    auto& past = targets_[target];
    if (!used.room || past.need == 0) past.need = std::max(past.need, used.peak);
    if (!used.succeeded) return;
    if (used.peak && used.peak < past.need) past.need = used.peak + (past.need - used.peak) / 2;
    past.took = used.took;
    if (!used.room) {
        past.plain = used.processor;
        past.with_room = grown_old(past.with_room);
        return;
    }
    past.plain = grown_old(past.plain);
    // Who takes more than it was granted is left to Nix's own ways.
    past.with_room = used.peak <= used.granted ? used.processor : std::max(used.processor, 2 * past.plain);
}

void PastEvaluations::learn_refusal(const std::string& target, std::string licence, std::string lock) {
    auto& past = targets_[target];
    past.licence = std::move(licence);
    past.lock = std::move(lock);
    past.unasked = 0;
}

void PastEvaluations::forget_refusal(const std::string& target) {
    if (auto it = targets_.find(target); it != targets_.end()) it->second.licence.clear();
}

std::optional<std::string> PastEvaluations::refusal_to_expect(const std::string& target, const std::string& lock) {
    auto it = targets_.find(target);
    if (it == targets_.end() || it->second.licence.empty() || it->second.lock != lock) return {};
    if (it->second.unasked >= most_unasked) return {};
    ++it->second.unasked;
    return it->second.licence;
}

std::string lock_name(const std::string& lock) {
    return codec::hash_bytes(codec::HashAlgorithm::sha256, lock).to_base16();
}

} // namespace cachefill::eval
