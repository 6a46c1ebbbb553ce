#include "app/voice.hpp"

#include "base/locale.hpp"
#include "github/commands.hpp"
#include "github/context.hpp"
#include "report/prose.hpp"

#include <cstdio>
#include <sys/ioctl.h>

namespace cachefill::app {

std::string spoken(std::string text, const Environment& environment) {
    // The runner's page is UTF-8, whatever the machine's locale.
    return github::is_step(environment) ? github::harmless(text) : in_locale(std::move(text), environment);
}

std::optional<std::size_t> terminal_columns(std::FILE* stream) {
    struct winsize size {};
    if (::ioctl(::fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col <= 20) return {};
    return size.ws_col;
}

std::string spoken_on(std::FILE* stream, std::string text, const Environment& environment) {
    bool is_step = github::is_step(environment);
    auto width = is_step ? 0 : terminal_columns(stream).value_or(0);
    return spoken(report::wrap_prose(text, width), environment);
}

void say(const std::string& text) {
    static const Environment environment = Environment::of_this_process();
    auto shown = spoken_on(stdout, text, environment);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
}

} // namespace cachefill::app
