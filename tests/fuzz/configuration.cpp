// cachefill.yml, which lies in the flake that is looked at, and so may be anybody's.
//
// Whatever it says, the mistake is a usage failure with file, line and column. What does not count is said in words
// that steer no terminal, and changes nothing. The same file says the same whoever reads it a second time.
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "options/config.hpp"

namespace cachefill::fuzz {

namespace {

std::string told_of(std::string_view input, const options::ConfigSource& source) {
    options::Settings settings;
    auto refused = options::apply_config(input, source, settings);
    if (!refused) {
        require_told(refused.error(), {FailureKind::usage});
        require(refused.error().one_line().find(source.name) != std::string::npos, "a mistake is told with its file");
        return refused.error().one_line();
    }
    std::string told;
    for (const auto& refusal : *refused) {
        require_harmless(refusal.key);
        require_harmless(refusal.value);
        require(refusal.place.starts_with(source.name), "a refusal has a place");
        told += refusal.key + refusal.place + refusal.value + "\n";
    }
    return told;
}

} // namespace

void configuration(std::string_view input) {
    using options::Command, options::Standing;
    for (auto standing : {Standing::outside, Standing::checkout, Standing::change}) {
        options::ConfigSource source{"cachefill.yml", standing, Command::run};
        require(told_of(input, source) == told_of(input, source), "read twice it says the same");
    }
    told_of(input, {"cachefill.yml", Standing::checkout, Command::push});
}

} // namespace cachefill::fuzz
