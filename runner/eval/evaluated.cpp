#include "eval/evaluated.hpp"

#include "base/text.hpp"
#include "eval/host_settings.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::eval {

namespace {

using Json = nlohmann::json;

// A list of strings; nix.conf's lists may also be one string of words.
std::vector<std::string> words_at(const Json& object, const char* key) {
    std::vector<std::string> words;
    auto it = object.find(key);
    if (it == object.end() || !it->is_array()) return words;
    for (const auto& value : *it) {
        if (!value.is_string()) continue;
        auto text = value.get<std::string>();
        for (auto word : split_words(text)) words.emplace_back(word);
    }
    return words;
}

} // namespace

Result<EvaluatedTarget> parse_evaluated(const TargetRef& target, std::string_view json) {
    auto not_understood = [&] {
        return Failure(FailureKind::protocol,
                       "nix printed no derivation but '" + ellipsize(sanitize(trim(json)), 200) + "'");
    };
    auto object = Json::parse(json, nullptr, false);
    if (!object.is_object()) return not_understood();
    auto drv = object.find("drvPath");
    if (drv == object.end() || !drv->is_string()) return not_understood();
    TRY(derivation, nix::StorePath::parse(drv->get<std::string>()));
    if (!derivation.is_derivation()) return not_understood();
    auto system = object.find("system");
    if (system == object.end() || !system->is_string()) return not_understood();

    EvaluatedTarget evaluated{.target = target,
                              .derivation = std::move(derivation),
                              .outputs = words_at(object, "outputs"),
                              .system = system->get<std::string>(),
                              .nix_settings = {},
                              .impure = false,
                              .why_impure = {},
                              .read_by_evaluation = {},
                              .unknown_reads = 0,
                              .built_by_evaluation = {},
                              .fetched_by_evaluation = {},
                              .took = {},
                              .peak_memory = 0,
                              .printed = std::string(json),
                              .evaluated_before = false};
    if (evaluated.outputs.empty()) return not_understood();
    if (auto settings = object.find("settings"); settings != object.end())
        evaluated.nix_settings = parse_host_settings(*settings);
    return evaluated;
}

} // namespace cachefill::eval
