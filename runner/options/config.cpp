#include "options/config.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "options/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <set>

namespace cachefill::options {

namespace {

std::string place(const std::string& file, const YAML::Mark& mark) {
    if (mark.is_null()) return file;
    return file + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

// The library's own words hold a byte of the file now and then.
Failure at(const std::string& file, const YAML::Mark& mark, const std::string& text) {
    return Failure(FailureKind::usage, place(file, mark) + ": " + sanitize(text));
}

Failure unknown_key(const std::string& file, const YAML::Mark& mark, const std::string& key) {
    std::vector<std::string> known;
    for (const auto& option : option_table())
        if (option.in_config()) known.push_back(option.key);
    auto failure = at(file, mark, "unknown key '" + shown_name(redact_url(key)) + "'");
    if (auto meant = did_you_mean(key, known)) return std::move(failure).with_hint("did you mean '" + *meant + "'?");
    return std::move(failure).with_hint("the keys are: " + join(known, ", "));
}

bool is_prefix_of_a_key(const std::string& key) {
    for (const auto& option : option_table())
        if (option.in_config() && option.key.starts_with(key + ".")) return true;
    return false;
}

// KEY: [a, b] → KEY:a, KEY:b
Result<std::vector<std::string>> values_of_mapping(const std::string& file, const Option& option,
                                                   const YAML::Node& map) {
    std::vector<std::string> values;
    for (const auto& entry : map) {
        if (!entry.first.IsScalar()) return at(file, entry.first.Mark(), "a key must be a plain word");
        auto key = entry.first.Scalar() + ":";
        if (entry.second.IsScalar()) {
            values.push_back(key + entry.second.Scalar());
            continue;
        }
        if (!entry.second.IsSequence())
            return at(file, entry.second.Mark(), "'" + option.key + "' has a list, or a single value, for each key");
        for (const auto& item : entry.second) {
            if (!item.IsScalar())
                return at(file, item.Mark(), "'" + option.key + "' has lists of plain values for its keys");
            values.push_back(key + item.Scalar());
        }
    }
    if (values.empty()) return at(file, map.Mark(), "'" + option.key + "' is empty; leave the key out instead");
    return values;
}

// NAME: {field: value} as "NAME=,field=value", NAME: value as "NAME=value".
Result<std::vector<std::string>> entries_of(const std::string& file, const YAML::Node& map) {
    std::vector<std::string> entries;
    for (const auto& entry : map) {
        if (!entry.first.IsScalar()) return at(file, entry.first.Mark(), "a name must be a plain word");
        auto text = entry.first.Scalar() + "=";
        if (entry.second.IsScalar()) {
            text += entry.second.Scalar();
        } else if (entry.second.IsMap()) {
            std::string uri, others;
            for (const auto& field : entry.second) {
                if (!field.first.IsScalar() || !field.second.IsScalar())
                    return at(file, field.first.Mark(), "what stands below a name is 'field: value'");
                if (field.second.Scalar().find(',') != std::string::npos)
                    return at(file, field.second.Mark(), "a ',' cannot stand here");
                if (field.first.Scalar() == "uri")
                    uri = field.second.Scalar();
                else
                    others += "," + field.first.Scalar() + "=" + field.second.Scalar();
            }
            text += uri + others;
        } else {
            return at(file, entry.second.Mark(), "below '" + shown_name(entry.first.Scalar()) + "' stand its fields");
        }
        entries.push_back(std::move(text));
    }
    if (entries.empty()) return at(file, map.Mark(), "it is empty; leave the key out instead");
    return entries;
}

Result<std::vector<std::string>> values_of(const std::string& file, const Option& option, const YAML::Node& node) {
    std::vector<std::string> values;
    if (option.type == OptionType::table && node.IsMap()) return entries_of(file, node);
    if (option.type == OptionType::list || option.type == OptionType::table) {
        if (node.IsScalar()) return std::vector<std::string>{node.Scalar()};
        if (option.may_be_mapping && node.IsMap()) return values_of_mapping(file, option, node);
        if (!node.IsSequence()) return at(file, node.Mark(), "'" + option.key + "' is a list, or a single value");
        for (const auto& item : node) {
            if (!item.IsScalar()) return at(file, item.Mark(), "'" + option.key + "' is a list of plain values");
            values.push_back(item.Scalar());
        }
        if (values.empty())
            return at(file, node.Mark(), "'" + option.key + "' is an empty list; leave the key out instead");
        return values;
    }
    if (option.may_be_mapping && node.IsMap()) return values_of_mapping(file, option, node);
    if (!node.IsScalar())
        return at(file, node.Mark(), "'" + option.key + "' is a single value, not a list or a mapping");
    return std::vector<std::string>{node.Scalar()};
}

std::string shown(const YAML::Node& node, const std::vector<std::string>& values) {
    if (node.IsMap()) return {};
    std::vector<std::string> words;
    for (const auto& value : values) words.push_back(shown_name(redact_url(value)));
    return ellipsize(join(words, ", "), 100);
}

bool may_stand(const Option& option, const ConfigSource& source, const std::vector<std::string>& values) {
    if (source.standing == Standing::outside) return true;
    if (source.standing == Standing::change && option.where == Where::merged) return false;
    return option.may_stand_in_checkout(source.command, values);
}

Result<void> apply_map(const ConfigSource& source, const YAML::Node& map, const std::string& prefix, Settings& settings,
                       std::vector<Refusal>& refusals) {
    const auto& file = source.name;
    std::set<std::string> seen;
    for (const auto& entry : map) {
        if (!entry.first.IsScalar()) return at(file, entry.first.Mark(), "a key must be a plain word");
        auto key = prefix + entry.first.Scalar();
        if (!seen.insert(key).second)
            return at(file, entry.first.Mark(), "'" + shown_name(redact_url(key)) + "' stands here twice");
        const auto* option = find_option(key);
        if (!option && is_prefix_of_a_key(key)) {
            if (!entry.second.IsMap()) return at(file, entry.second.Mark(), "'" + key + "' has keys below it");
            TRY_VOID(apply_map(source, entry.second, key + ".", settings, refusals));
            continue;
        }
        if (!option || !option->in_config()) return unknown_key(file, entry.first.Mark(), key);
        TRY(values, values_of(file, *option, entry.second));
        bool counts = may_stand(*option, source, values);
        Settings unused; // what is wrong is wrong, even if it does not count
        auto applied = option->apply(counts ? settings : unused, values);
        if (!applied) return at(file, entry.second.Mark(), key + ": " + applied.error().cause());
        if (counts && option->where == Where::looking && source.standing != Standing::outside)
            settings.cache_by_checkout = true;
        if (!counts && (option->commands & bit(source.command)))
            refusals.push_back({key, place(file, entry.second.Mark()), shown(entry.second, values)});
    }
    return {};
}

} // namespace

std::vector<std::filesystem::path> config_places(const std::filesystem::path& directory) {
    return {directory / "cachefill.yml", directory / ".github/cachefill.yml"};
}

Result<std::vector<Refusal>> apply_config(std::string_view yaml, const ConfigSource& source, Settings& settings) {
    std::vector<Refusal> refusals;
    try {
        auto root = load_yaml(std::string(yaml));
        if (root.IsNull()) return refusals;
        if (!root.IsMap()) return at(source.name, root.Mark(), "the file must be a mapping: 'key: value' lines");
        TRY_VOID(apply_map(source, root, "", settings, refusals));
        return refusals;
    } catch (const YAML::Exception& error) {
        return at(source.name, error.mark, error.msg);
    }
}

} // namespace cachefill::options
