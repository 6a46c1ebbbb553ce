#include "nix/derivation_difference.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace cachefill::nix {

namespace {

using Kind = DerivationDifference::Kind;
constexpr std::size_t value_shown = 80;
constexpr std::size_t hash_length = 32;

std::string_view without_drv(std::string_view name) {
    if (name.ends_with(".drv")) name.remove_suffix(4);
    return name;
}

// Up to the first '-' followed by a digit, as Nix itself splits names.
std::string_view without_version(std::string_view name) {
    for (std::size_t i = 0; i + 1 < name.size(); ++i)
        if (name[i] == '-' && std::isdigit(static_cast<unsigned char>(name[i + 1])) != 0) return name.substr(0, i);
    return name;
}

bool is_hash_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z' && c != 'e' && c != 'o' && c != 't' && c != 'u');
}

// "/nix/store/HASH-glibc" says "glibc" here: which one follows from the inputs. Placeholders ("/1rz4g4z…", 52 digits)
// follow from the derivation itself.
std::string without_hashes(std::string_view text) {
    static constexpr std::string_view store = "/nix/store/";
    std::string plain;
    for (std::size_t i = 0; i < text.size();) {
        if (text.substr(i).starts_with(store)) {
            auto rest = text.substr(i + store.size());
            auto is_path = rest.size() > hash_length && rest[hash_length] == '-' &&
                           std::all_of(rest.begin(), rest.begin() + hash_length, is_hash_digit);
            if (is_path) {
                plain += store;
                i += store.size() + hash_length + 1;
                continue;
            }
        }
        plain += text[i++];
    }
    return plain;
}

std::string shown(std::string_view value) {
    std::string line;
    auto clean = sanitize(value);
    for (auto word : split_words(clean)) line.append(line.empty() ? "" : " ").append(word);
    return ellipsize(line, value_shown);
}

// The line around `at`, from at most half of what is shown before it.
std::string_view surroundings(std::string_view text, std::size_t at) {
    auto line = text.substr(0, at).rfind('\n');
    auto start = line == text.npos ? 0 : line + 1;
    if (at > start + value_shown / 2) start = at - value_shown / 2;
    auto end = text.find('\n', at);
    return text.substr(start, end == text.npos ? end : end - start);
}

class Comparison {
  public:
    Comparison(const std::function<Result<Derivation>(const StorePath&)>& read, std::size_t most)
        : read_(read), most_(most) {}

    // True when a cause lies in or below this pair.
    bool compare(const StorePath& first, const StorePath& second) {
        if (first == second || found_.size() >= most_) return false;
        if (!seen_.emplace(first, second).second) return true; // told already, on another way
        auto name = std::string(without_drv(first.name()));
        way_.push_back(name);
        auto a = read_(first);
        auto b = read_(second);
        bool is_explained = true;
        if (!a || !b)
            add(Kind::unreadable, name, !a ? first.to_string() : second.to_string());
        else
            is_explained = compare_contents(name, without_drv(second.name()), *a, *b);
        way_.pop_back();
        return is_explained;
    }

    std::vector<DerivationDifference> take() { return std::move(found_); }

  private:
    void add(Kind kind, const std::string& derivation, std::string what, std::string_view first = {},
             std::string_view second = {}) {
        if (found_.size() >= most_) return;
        DerivationDifference difference{.kind = kind,
                                        .derivation = derivation,
                                        .what = std::move(what),
                                        .first = shown(first),
                                        .second = shown(second),
                                        .way = way_};
        found_.push_back(std::move(difference));
    }

    bool compare_contents(const std::string& name, std::string_view other_name, const Derivation& a,
                          const Derivation& b) {
        auto before = found_.size();
        bool below = compare_inputs(name, a, b);
        if (name != other_name) add(Kind::version, name, std::string(without_version(name)), name, other_name);
        compare_sources(name, a, b);
        if (a.platform != b.platform) add(Kind::attribute, name, "system", a.platform, b.platform);
        if (without_hashes(a.builder) != without_hashes(b.builder))
            add(Kind::attribute, name, "builder", a.builder, b.builder);
        if (without_hashes(join(a.arguments, " ")) != without_hashes(join(b.arguments, " ")))
            add(Kind::attribute, name, "args", join(a.arguments, " "), join(b.arguments, " "));
        for (const auto& output : a.outputs)
            if (const auto* other = b.find_output(output.name); other != nullptr && output.hash != other->hash)
                add(Kind::attribute, name, "outputHash", output.hash, other->hash);
        compare_environment(name, a, b);
        return below || found_.size() > before;
    }

    void compare_environment(const std::string& name, const Derivation& a, const Derivation& b) {
        auto is_output = [&](const std::string& key) {
            return a.find_output(key) != nullptr || b.find_output(key) != nullptr;
        };
        for (const auto& [key, value] : a.environment) {
            if (is_output(key)) continue;
            auto other = b.environment.find(key);
            if (other == b.environment.end())
                add(Kind::removed, name, key, value);
            else if (auto first = without_hashes(value), second = without_hashes(other->second); first != second)
                add_changed(name, key, first, second);
        }
        for (const auto& [key, value] : b.environment)
            if (!is_output(key) && !a.environment.contains(key)) add(Kind::added, name, key, {}, value);
    }

    // Of long values (scripts) only the surroundings of the first difference tell something.
    void add_changed(const std::string& name, const std::string& key, std::string_view first, std::string_view second) {
        if (first.size() > value_shown || second.size() > value_shown) {
            auto [a, b] = std::mismatch(first.begin(), first.end(), second.begin(), second.end());
            auto at = static_cast<std::size_t>(a - first.begin());
            first = surroundings(first, at);
            second = surroundings(second, at);
        }
        add(Kind::attribute, name, key, first, second);
    }

    void compare_sources(const std::string& name, const Derivation& a, const Derivation& b) {
        auto by_name = [](const Derivation& derivation) {
            std::multimap<std::string, StorePath> sources;
            for (const auto& source : derivation.input_sources) sources.emplace(source.name(), source);
            return sources;
        };
        auto first = by_name(a), second = by_name(b);
        drop_common(first, second);
        while (!first.empty()) {
            auto source = first.begin()->first;
            auto other = second.find(source);
            if (other != second.end())
                add(Kind::source, name, source, first.begin()->second.to_string(), other->second.to_string());
            else
                add(Kind::removed, name, source);
            if (other != second.end()) second.erase(other);
            first.erase(first.begin());
        }
        for (const auto& [source, path] : second) add(Kind::added, name, source);
    }

    static void drop_common(std::multimap<std::string, StorePath>& a, std::multimap<std::string, StorePath>& b) {
        for (auto it = a.begin(); it != a.end();) {
            auto [begin, end] = b.equal_range(it->first);
            auto same = std::find_if(begin, end, [&](const auto& entry) { return entry.second == it->second; });
            if (same == end) {
                ++it;
                continue;
            }
            b.erase(same);
            it = a.erase(it);
        }
    }

    // Inputs that both have are no matter. Of the rest those of one name are pairs; then those of one name without
    // version.
    bool compare_inputs(const std::string& name, const Derivation& a, const Derivation& b) {
        std::multimap<std::string, StorePath> first, second;
        for (const auto& input : a.input_derivations)
            first.emplace(without_drv(input.derivation.name()), input.derivation);
        for (const auto& input : b.input_derivations)
            second.emplace(without_drv(input.derivation.name()), input.derivation);
        drop_common(first, second);
        bool explained = match(first, second, [](std::string_view text) { return text; });
        explained |= match(first, second, without_version);
        for (const auto& [input, path] : first) add(Kind::removed, name, input);
        for (const auto& [input, path] : second) add(Kind::added, name, input);
        return explained || !first.empty() || !second.empty();
    }

    bool match(std::multimap<std::string, StorePath>& first, std::multimap<std::string, StorePath>& second,
               std::string_view (*key)(std::string_view)) {
        bool explained = false;
        for (auto it = first.begin(); it != first.end();) {
            auto pair = std::find_if(second.begin(), second.end(),
                                     [&](const auto& entry) { return key(entry.first) == key(it->first); });
            if (pair == second.end()) {
                ++it;
                continue;
            }
            explained |= compare(it->second, pair->second);
            second.erase(pair);
            it = first.erase(it);
        }
        return explained;
    }

    const std::function<Result<Derivation>(const StorePath&)>& read_;
    std::size_t most_;
    std::set<std::pair<StorePath, StorePath>> seen_;
    std::vector<std::string> way_;
    std::vector<DerivationDifference> found_;
};

} // namespace

std::string DerivationDifference::text(std::string_view first_is, std::string_view second_is) const {
    auto of_both = [&] {
        return " is '" + first + "' " + std::string(first_is) + " and '" + second + "' " + std::string(second_is);
    };
    switch (kind) {
    case Kind::attribute:
        return "the attribute '" + what + "' of " + derivation + of_both();
    case Kind::added:
        return derivation + " has '" + what + "' only " + std::string(second_is);
    case Kind::removed:
        return derivation + " has '" + what + "' only " + std::string(first_is);
    case Kind::source:
        return "the source '" + what + "' of " + derivation + " has another content";
    case Kind::version:
        return what + " is " + first + " " + std::string(first_is) + " and " + second + " " + std::string(second_is);
    case Kind::unreadable:
        return "the derivation " + what + " is not in this machine's store";
    }
    return {};
}

std::vector<DerivationDifference> find_differences(const StorePath& first, const StorePath& second,
                                                   const std::function<Result<Derivation>(const StorePath&)>& read,
                                                   std::size_t most) {
    Comparison comparison(read, most);
    comparison.compare(first, second);
    return comparison.take();
}

} // namespace cachefill::nix
