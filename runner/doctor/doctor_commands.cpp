// What the doctor tells a person to type: the user's own command, and ours with the same flake, cache and store.
#include "base/shell.hpp"
#include "doctor/doctor.hpp"
#include "options/command_line.hpp"
#include "options/typed.hpp"
#include "session/lock_copy.hpp"

#include <algorithm>

namespace cachefill::doctor {

namespace {

bool is_below(const std::filesystem::path& directory, const std::filesystem::path& root) {
    std::error_code error;
    auto way = std::filesystem::relative(directory, root, error);
    return !error && !way.empty() && *way.begin() != "..";
}

} // namespace

options::SwitchCommand Doctor::usual_switch_command() const {
    const auto& settings = session_.settings();
    const auto& target = evaluated_->target;
    auto tool = options::tool_for(target.kind, session_.environment());
    auto names =
        options::names_of({.host = {}, .kind = target.kind, .machines = wanted_.machines, .users = wanted_.users});
    auto is_ours = std::find(names.begin(), names.end(), target.name) != names.end();
    auto command = make_switch_command(tool, target.kind, {}, {});
    auto found_alone = default_flake_of(command, session_.environment());
    bool needs_flake = !settings.typed.flake.empty() || found_alone.substr(0, found_alone.find('#')) != settings.flake;
    return make_switch_command(tool, target.kind, needs_flake ? settings.flake : std::string(),
                               is_ours ? std::string() : target.name);
}

std::string Doctor::use_command() const {
    auto typed = session_.settings().typed;
    if (session_.settings().cache_by_checkout) typed.flags["cache"] = {std::string(session_.settings().cache.reveal())};
    return command_to_use(typed);
}

Commands Doctor::commands() const {
    const auto& settings = session_.settings();
    auto word = options::word_for(evaluated_->target, hosts_);
    Commands commands;
    commands.switches = settings.switches ? *settings.switches : usual_switch_command();
    auto typed = settings.typed;
    // What the command names is not known to ours.
    if (settings.switches && typed.flake.empty() && settings.flake != options::default_flake(session_.environment()))
        typed.flake = settings.flake;
    commands.wait = other_command(typed, options::Command::wait, {word});
    auto filling = settings;
    filling.typed = typed;
    commands.run = command_to_fill(filling, {target_->name});
    commands.doctor = other_command(typed, options::Command::doctor, {word, "--verbose"});
    std::error_code error;
    auto here = std::filesystem::current_path(error);
    // The form that every Nix from 2.4 on takes.
    commands.update = shell_command({{"nix", "flake", "update"}});
    if (updated_ && updated_->original().parent_path() != here)
        commands.update =
            "(cd " + shell_word(updated_->original().parent_path().string()) + " && " + commands.update + ")";
    commands.in_work_tree = git_ && is_below(here, git_->root);
    return commands;
}

} // namespace cachefill::doctor
