#include "options/yaml.hpp"

#include <yaml-cpp/yaml.h>

namespace cachefill::options {

namespace {

constexpr int deepest = 100;
constexpr int most_nodes = 200'000; // more than the lines of any file that is read

void count(const YAML::Node& node, int depth, int& left) {
    if (depth > deepest || --left < 0)
        throw YAML::RepresentationException(node.Mark(), "with its aliases written out this would be too much to read");
    if (node.IsSequence())
        for (const auto& item : node) count(item, depth + 1, left);
    if (!node.IsMap()) return;
    for (const auto& entry : node) {
        count(entry.first, depth + 1, left);
        count(entry.second, depth + 1, left);
    }
}

} // namespace

YAML::Node load_yaml(const std::string& text) {
    auto root = YAML::Load(text);
    int left = most_nodes;
    count(root, 0, left);
    return root;
}

} // namespace cachefill::options
