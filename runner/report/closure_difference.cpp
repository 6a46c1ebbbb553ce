#include "report/closure_difference.hpp"

#include "report/package_name.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

namespace cachefill::report {

namespace {

constexpr std::size_t hash_and_dash = 33; // in front of a path's name
constexpr std::uint64_t worth_telling = 1 << 20;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "1.9" before "1.10": digits count as numbers.
struct ByVersion {
    bool operator()(const std::string& a, const std::string& b) const {
        std::size_t i = 0, j = 0;
        while (i < a.size() && j < b.size()) {
            if (is_digit(a[i]) && is_digit(b[j])) {
                auto first = digits(a, i), second = digits(b, j);
                if (first.size() != second.size()) return first.size() < second.size();
                if (first != second) return first < second;
            } else if (a[i] != b[j]) {
                return a[i] < b[j];
            } else {
                ++i;
                ++j;
            }
        }
        return a.size() - i != b.size() - j ? a.size() - i < b.size() - j : a < b;
    }

  private:
    // The number at `at`, without zeros in front; `at` is behind it afterwards.
    static std::string_view digits(const std::string& text, std::size_t& at) {
        while (at + 1 < text.size() && text[at] == '0' && is_digit(text[at + 1])) ++at;
        auto begin = at;
        while (at < text.size() && is_digit(text[at])) ++at;
        return std::string_view(text).substr(begin, at - begin);
    }
};
using Versions = std::set<std::string, ByVersion>;

// A package in one closure.
struct Side {
    Versions versions;
    std::set<std::string_view> paths;
    std::uint64_t bytes = 0;
};
struct Package {
    Side before, after;
};

void take(const std::vector<ClosurePath>& closure, Side Package::*side, std::map<std::string, Package>& packages) {
    for (const auto& path : closure) {
        auto split = package_name(std::string_view(path.base_name).substr(hash_and_dash));
        auto& there = packages[std::string(split.name)].*side;
        there.versions.emplace(split.version);
        there.paths.insert(path.base_name);
        there.bytes += path.nar_size;
    }
}

// "5.4.53-modules-shrunk" beside "5.4.53" is a further part of that, and no version of its own.
Versions without_parts(const Versions& versions) {
    auto is_part = [&versions](const std::string& version) {
        for (auto dash = version.find('-'); dash != std::string::npos; dash = version.find('-', dash + 1))
            if (is_letter(version[dash + 1]) && versions.contains(version.substr(0, dash))) return true;
        return false;
    };
    Versions whole;
    std::copy_if(versions.begin(), versions.end(), std::inserter(whole, whole.end()), std::not_fn(is_part));
    return whole;
}

std::vector<std::string> only_in(const Versions& these, const Versions& others) {
    std::vector<std::string> only;
    std::set_difference(these.begin(), these.end(), others.begin(), others.end(), std::back_inserter(only),
                        ByVersion());
    return only;
}

PackageChange describe(const std::string& name, const Package& package) {
    const auto& [before, after] = package;
    PackageChange change;
    change.name = name;
    change.grew_by = static_cast<std::int64_t>(after.bytes) - static_cast<std::int64_t>(before.bytes);
    change.size = std::max(before.bytes, after.bytes);
    change.before = only_in(before.versions, after.versions);
    change.after = only_in(after.versions, before.versions);
    if (change.before.empty() || change.after.empty()) {
        change.before.assign(before.versions.begin(), before.versions.end());
        change.after.assign(after.versions.begin(), after.versions.end());
    }
    return change;
}

void sort(std::vector<PackageChange>& changes) {
    std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) {
        return std::make_tuple(!a.has_version(), b.size, a.name) < std::make_tuple(!b.has_version(), a.size, b.name);
    });
}

} // namespace

bool PackageChange::has_version() const {
    auto is_one = [](const std::string& version) { return !version.empty(); };
    return std::any_of(before.begin(), before.end(), is_one) || std::any_of(after.begin(), after.end(), is_one);
}

ClosureDifference compare_closures(const std::vector<ClosurePath>& before, const std::vector<ClosurePath>& after) {
    std::map<std::string, Package> packages;
    take(before, &Package::before, packages);
    take(after, &Package::after, packages);
    ClosureDifference difference;
    for (auto& [name, package] : packages) {
        if (package.before.paths == package.after.paths) continue;
        for (auto* side : {&package.before, &package.after}) side->versions = without_parts(side->versions);
        auto change = describe(name, package);
        difference.grew_by += change.grew_by;
        if (package.before.paths.empty()) {
            difference.came.push_back(std::move(change));
        } else if (package.after.paths.empty()) {
            difference.went.push_back(std::move(change));
        } else if (package.before.versions != package.after.versions) {
            difference.changed.push_back(std::move(change));
        } else {
            ++difference.rebuilt;
            auto by = static_cast<std::uint64_t>(std::abs(change.grew_by));
            if (by >= worth_telling) difference.resized.push_back(std::move(change));
        }
    }
    for (auto* list : {&difference.changed, &difference.came, &difference.went, &difference.resized}) sort(*list);
    return difference;
}

} // namespace cachefill::report
