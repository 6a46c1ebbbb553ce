#include "options/options.hpp"

#include "options/option_rows.hpp"
#include "options/option_values.hpp"

namespace cachefill::options {

const std::vector<Option>& option_table() {
    static const std::vector<Option> table = [] {
        auto all = rows::what_is_looked_at();
        for (const auto& part : {rows::building_and_pushing(), rows::the_run_and_its_words()})
            all.insert(all.end(), part.begin(), part.end());
        for (auto& option : all) {
            if (option.login == Login::taken) continue;
            option.apply = [apply = option.apply](Settings& settings,
                                                  const std::vector<std::string>& values) -> Result<void> {
                TRY_VOID(without_login(values));
                return apply(settings, values);
            };
        }
        return all;
    }();
    return table;
}

const Option* find_option(std::string_view key) {
    for (const auto& option : option_table())
        if (option.key == key) return &option;
    return nullptr;
}

} // namespace cachefill::options
