#include "nix/derivation_text.hpp"

#include <string_view>

namespace cachefill::nix {

namespace {

// ATerm, as ATermReader reads it.
class ATermText {
  public:
    void raw(std::string_view text) { text_ += text; }
    void string(std::string_view value) {
        text_ += '"';
        for (char c : value) {
            switch (c) {
            case '"':
            case '\\':
                text_ += '\\';
                text_ += c;
                break;
            case '\n':
                text_ += "\\n";
                break;
            case '\r':
                text_ += "\\r";
                break;
            case '\t':
                text_ += "\\t";
                break;
            default:
                text_ += c;
            }
        }
        text_ += '"';
    }
    template <class Items, class Item> void list(const Items& items, Item item) {
        text_ += '[';
        bool is_first = true;
        for (const auto& value : items) {
            if (!is_first) text_ += ',';
            is_first = false;
            item(value);
        }
        text_ += ']';
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

} // namespace

std::string derivation_text(const Derivation& derivation, const InputsByHash& inputs, OutputPaths paths) {
    const bool masks_outputs = paths == OutputPaths::masked;
    ATermText text;
    auto plain = [&text](std::string_view value) { text.string(value); };
    text.raw("Derive(");
    text.list(derivation.outputs, [&](const DerivationOutput& output) {
        text.raw("(");
        text.string(output.name);
        text.raw(",");
        text.string(output.path && !masks_outputs ? output.path->to_string() : std::string());
        text.raw(",");
        text.string(output.hash_algorithm);
        text.raw(",");
        text.string(output.kind == OutputKind::impure ? "impure" : output.hash);
        text.raw(")");
    });
    text.raw(",");
    text.list(inputs, [&](const auto& input) {
        text.raw("(");
        text.string(input.first);
        text.raw(",");
        text.list(input.second, plain);
        text.raw(")");
    });
    text.raw(",");
    text.list(derivation.input_sources, [&](const StorePath& path) { text.string(path.to_string()); });
    for (const auto* value : {&derivation.platform, &derivation.builder}) {
        text.raw(",");
        text.string(*value);
    }
    text.raw(",");
    text.list(derivation.arguments, plain);
    text.raw(",");
    text.list(derivation.environment, [&](const auto& variable) {
        text.raw("(");
        text.string(variable.first);
        text.raw(",");
        bool is_output = masks_outputs && derivation.find_output(variable.first) != nullptr;
        text.string(is_output ? std::string_view() : std::string_view(variable.second));
        text.raw(")");
    });
    text.raw(")");
    return text.take();
}

} // namespace cachefill::nix
