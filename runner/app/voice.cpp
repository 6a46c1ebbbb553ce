#include "app/voice.hpp"

#include "base/locale.hpp"
#include "github/commands.hpp"
#include "github/context.hpp"

#include <cstdio>

namespace cachefill::app {

std::string spoken(std::string text, const Environment& environment) {
    // The runner's page is UTF-8, whatever the machine's locale.
    return github::is_step(environment) ? github::harmless(text) : in_locale(std::move(text), environment);
}

void say(const std::string& text) {
    static const Environment environment = Environment::of_this_process();
    auto shown = spoken(text, environment);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
}

} // namespace cachefill::app
