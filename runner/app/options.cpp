#include "app/options.hpp"

#include "app/option_rows.hpp"

#include <iterator>

namespace cachefill::app {

const std::vector<Option>& option_table() {
    static const std::vector<Option> table = [] {
        auto table = rows::what_is_looked_at();
        for (auto part : {rows::building_and_pushing(), rows::the_run_and_its_words()})
            std::move(part.begin(), part.end(), std::back_inserter(table));
        return table;
    }();
    return table;
}

const Option* find_option(std::string_view key) {
    for (const auto& option : option_table())
        if (option.key == key) return &option;
    return nullptr;
}

} // namespace cachefill::app
