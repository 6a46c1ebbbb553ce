#include "session/evaluation_record.hpp"

#include "base/text.hpp"
#include "eval/evaluator.hpp"
#include "eval/expression.hpp"
#include "nix/flake_url.hpp"
#include "nix/path_info.hpp"
#include "options/settings.hpp"
#include "plan/plan.hpp"
#include "session/evaluation_memory.hpp"
#include "session/host_list.hpp"
#include "session/session.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::session {

namespace {

using Json = nlohmann::json;

constexpr std::string_view file_name = "cachefill-evaluation.json";

nix::Derivation cut_down(const plan::Graph& graph, const plan::GraphDerivation& from) {
    nix::Derivation to;
    to.platform = from.platform;
    to.required_system_features = from.required_features;
    to.allow_substitutes = from.allow_substitutes;
    to.prefer_local_build = from.kind == plan::DerivationKind::light;
    bool is_fixed = from.kind == plan::DerivationKind::fixed_output;
    for (const auto& output : from.outputs)
        if (output.path != plan::no_path)
            to.outputs.push_back({.name = output.name,
                                  .kind = is_fixed ? nix::OutputKind::fixed : nix::OutputKind::input_addressed,
                                  .path = graph.path(output.path),
                                  .hash_algorithm = {},
                                  .hash = {}});
    if (from.allow_substitutes) return to;
    for (const auto& input : from.inputs) {
        const auto& made = graph.derivation(input.derivation);
        nix::DerivationInput wanted{.derivation = made.path, .outputs = {}};
        for (auto output : input.outputs) wanted.outputs.push_back(made.outputs[output].name);
        to.input_derivations.push_back(std::move(wanted));
    }
    return to;
}

Json to_json(const nix::StorePath& path, const nix::Derivation& derivation) {
    auto outputs = Json::object();
    for (const auto& output : derivation.outputs) outputs[output.name] = output.path->to_string();
    auto inputs = Json::object();
    for (const auto& input : derivation.input_derivations) inputs[input.derivation.to_string()] = input.outputs;
    return {{"path", path.to_string()},
            {"platform", derivation.platform},
            {"features", derivation.required_system_features},
            {"built_by_all", !derivation.allow_substitutes},
            {"light", derivation.prefer_local_build},
            {"fixed", derivation.is_fixed_output()},
            {"outputs", std::move(outputs)},
            {"inputs", std::move(inputs)}};
}

Result<nix::Derivation> derivation_in(const Json& json) {
    nix::Derivation derivation;
    derivation.platform = json.at("platform");
    derivation.required_system_features = json.at("features");
    derivation.allow_substitutes = !json.at("built_by_all").get<bool>();
    derivation.prefer_local_build = json.at("light");
    auto kind = json.at("fixed").get<bool>() ? nix::OutputKind::fixed : nix::OutputKind::input_addressed;
    for (const auto& [name, text] : json.at("outputs").items()) {
        TRY(path, nix::StorePath::parse(text.get<std::string>()));
        derivation.outputs.push_back(
            {.name = name, .kind = kind, .path = std::move(path), .hash_algorithm = {}, .hash = {}});
    }
    for (const auto& [text, outputs] : json.at("inputs").items()) {
        TRY(path, nix::StorePath::parse(text));
        derivation.input_derivations.push_back({.derivation = std::move(path), .outputs = outputs});
    }
    return derivation;
}

Result<EvaluationRecord> record_in(const Json& json) {
    if (json.at("cachefill_evaluation") != EvaluationRecord::format_version)
        return Failure(FailureKind::protocol, "it has a format that is not known here");
    EvaluationRecord record;
    auto hosts = hosts_in(json.at("hosts"));
    if (!hosts) return Failure(FailureKind::protocol, "its hosts are none");
    record.hosts = std::move(*hosts);
    for (const auto& [target, printed] : json.at("printed").items()) record.printed[target] = printed.dump();
    for (const auto& entry : json.at("derivations")) {
        TRY(path, nix::StorePath::parse(entry.at("path").get<std::string>()));
        TRY(derivation, derivation_in(entry));
        record.derivations.emplace(std::move(path), std::move(derivation));
    }
    for (const auto& [path, derivation] : record.derivations)
        for (const auto& input : derivation.input_derivations) TRY_VOID(record.read(input.derivation));
    return record;
}

} // namespace

Result<nix::Derivation> EvaluationRecord::read(const nix::StorePath& path) const {
    auto found = derivations.find(path);
    if (found != derivations.end()) return found->second;
    return Failure(FailureKind::protocol, path.to_string() + " is not in the record of the evaluation");
}

bool add_needed(EvaluationRecord& record, const plan::Graph& graph, const plan::Target& target) {
    std::vector<plan::DerivationId> open{target.derivation};
    auto is_known = [](const plan::GraphOutput& output) { return output.path != plan::no_path; };
    while (!open.empty()) {
        const auto& derivation = graph.derivation(open.back());
        open.pop_back();
        if (record.derivations.contains(derivation.path)) continue;
        if (!derivation.flaw.empty()) return false;
        if (!std::all_of(derivation.outputs.begin(), derivation.outputs.end(), is_known)) return false;
        record.derivations.emplace(derivation.path, cut_down(graph, derivation));
        if (derivation.allow_substitutes) continue;
        for (const auto& input : derivation.inputs) open.push_back(input.derivation);
    }
    return true;
}

std::string to_json(const EvaluationRecord& record) {
    Json json{{"cachefill_evaluation", EvaluationRecord::format_version},
              {"hosts", to_json(record.hosts)},
              {"printed", Json::object()},
              {"derivations", Json::array()}};
    for (const auto& [target, printed] : record.printed) json["printed"][target] = Json::parse(printed, nullptr, false);
    for (const auto& [path, derivation] : record.derivations) json["derivations"].push_back(to_json(path, derivation));
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<EvaluationRecord> parse_evaluation_record(std::string_view json) {
    auto wrong = [](const std::string& why) {
        return Failure(FailureKind::protocol, "the record of an evaluation cannot be read: " + sanitize(why));
    };
    try {
        auto record = record_in(Json::parse(json));
        if (!record) return wrong(record.error().one_line());
        return record;
    } catch (const Json::exception& error) {
        return wrong(error.what());
    }
}

std::string fleet_key(Session& session, const eval::FlakeInfo& flake) {
    const auto& settings = session.settings();
    if (settings.fresh) return {};
    auto what = Json::array({EvaluationRecord::format_version, settings.hosts, settings.evaluate_only, settings.also,
                             settings.systems, settings.typed.flags.contains("hosts")});
    for (auto kind : host_kinds) what.push_back({eval::listing_expression(kind), eval::target_expression(kind)});
    auto expression = what.dump(-1, ' ', false, Json::error_handler_t::replace);
    return evaluation_key(flake, session.eval_settings(settings.flake), session.nix(), expression);
}

nix::StorePath record_path(std::string_view key) {
    return nix::text_path(file_name, "the evaluation of " + std::string(key)).first;
}

bool is_fit_for_record(const eval::EvaluatedTarget& evaluated) {
    if (!evaluated.nix_settings) return true;
    const auto& said = *evaluated.nix_settings;
    for (const auto* list : {&said.substituters, &said.trusted_substituters}) {
        auto words = list->set.value_or(std::vector<std::string>());
        words.insert(words.end(), list->added.begin(), list->added.end());
        words.insert(words.end(), list->lost.begin(), list->lost.end());
        if (std::any_of(words.begin(), words.end(), [](const auto& word) { return nix::may_have_login(word); }))
            return false;
    }
    return true;
}

} // namespace cachefill::session
