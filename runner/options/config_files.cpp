#include "options/config_files.hpp"

#include "base/files.hpp"
#include "base/own_place.hpp"
#include "base/ownership.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "github/context.hpp"
#include "options/config.hpp"
#include "options/inputs.hpp"
#include "options/vouched_file.hpp"

#include <algorithm>

namespace cachefill::options {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_file = 1 << 20;

Result<std::string> read_config(const fs::path& file, bool is_named = false) {
    auto content = is_named ? read_stream(file, longest_file) : read_file(file, longest_file);
    if (!content) return Failure(FailureKind::usage, content.error().cause()).with_hint("--config names the file");
    return std::move(*content);
}

bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

// The way to the file is followed, a link at its end is not: where that lies is what its owner decided.
bool is_below(const fs::path& file, const std::string& directory) {
    if (directory.empty()) return false;
    std::error_code error;
    auto folder = fs::absolute(file, error).parent_path();
    // A link on the way is the checkout's, too: by its name or by where it leads.
    return is_within(folder.lexically_normal(), fs::path(directory).lexically_normal()) ||
           is_within(fs::weakly_canonical(folder, error), fs::weakly_canonical(directory, error));
}

// A file of the checkout around `folder`. A link out of it, or into what git keeps there, would show in errors and
// warnings what this machine has elsewhere.
Result<std::string> read_own_file(const fs::path& file, const fs::path& folder) {
    std::error_code error;
    auto around = fs::weakly_canonical(fs::absolute(folder, error), error);
    auto top = repository_around(around);
    if (top.empty()) top = around;
    if (is_in_work_tree(file, top)) return read_config(file);
    return Failure(FailureKind::usage, file.string() + " is a link to what is no file of the flake's repository")
        .with_hint("put the file itself there, or name another one with --config");
}

// What a step's checkout is: the workspace or, where nobody names it, the repository around the file; by the file's
// name or by where links on the way to it lead.
std::string checkout_around(const fs::path& file, const Environment& environment) {
    auto workspace = environment.get_or("GITHUB_WORKSPACE");
    if (!workspace.empty()) return workspace;
    std::error_code error;
    auto folder = fs::absolute(file, error).parent_path();
    auto top = repository_around(folder.lexically_normal());
    return (top.empty() ? repository_around(fs::weakly_canonical(folder, error)) : top).string();
}

fs::path user_file(const Environment& environment) {
    fs::path directory = environment.get_or("XDG_CONFIG_HOME");
    if (!directory.is_absolute()) {
        fs::path home = environment.get_or("HOME");
        if (!home.is_absolute()) return {};
        directory = home / ".config";
    }
    for (const auto* name : {"cachefill.yml", "config.yml"})
        if (is_file(directory / "cachefill" / name)) return directory / "cachefill" / name;
    return {};
}

std::string where_else(const Option& option, bool is_step) {
    std::vector<std::string> ways;
    if (is_step && (option.commands & bit(Command::ci))) ways.push_back("the input '" + option.key + "'");
    ways.push_back(option.flag());
    ways.push_back(option.variable());
    if (!is_step) ways.emplace_back("~/.config/cachefill/cachefill.yml");
    auto last = ways.back();
    ways.pop_back();
    return join(ways, ", ") + " or " + last;
}

event::Message warning(const Refusal& refusal, const std::string& why, const std::string& hint, bool is_step) {
    auto value = refusal.value.empty() ? std::string() : ": " + refusal.value;
    return {.severity = event::Severity::warning,
            .text = refusal.place + ": '" + refusal.key + value + "' does not count, because " + why,
            .hint = "it may come from " + where_else(*find_option(refusal.key), is_step) + hint};
}

// The flake's own file, in a step: what of it the repository vouches for.
class StepConfig {
  public:
    StepConfig(std::vector<fs::path> files, fs::path folder, Command command, const Environment& environment,
               std::string flake = {})
        : files_(std::move(files)), folder_(std::move(folder)), flake_(std::move(flake)), command_(command),
          environment_(environment), commit_(github::vouched_commit(environment)) {}

    Result<void> apply(Settings& settings, std::vector<event::Message>& remarks) const {
        auto found = std::find_if(files_.begin(), files_.end(), is_file);
        std::string own;
        if (found != files_.end()) {
            TRY(text, read_own_file(*found, folder_));
            own = std::move(text);
        }
        auto name = found == files_.end() ? std::string() : found->string();
        bool is_of_event = commit_ && commit_->is_of_event;
        ConfigSource source{
            .name = name, .standing = is_of_event ? Standing::checkout : Standing::change, .command = command_};
        auto unchanged = settings;
        TRY(refusals, apply_config(own, source, settings));
        if (!commit_) {
            warn(refusals,
                 "nobody vouches for it on the event '" + sanitize(environment_.get_or("GITHUB_EVENT_NAME")) + "'", "",
                 remarks);
            return {};
        }
        if (commit_->is_of_event && refusals.empty()) return {};
        auto vouched = read_vouched_file(*commit_, commit_->is_of_event ? files_ : places_there(), environment_);
        if (!vouched) {
            if (refusals.empty() && !own.empty() && !commit_->is_of_event)
                remarks.push_back({.severity = event::Severity::warning,
                                   .text = name + " counts as this change has it, because nobody knows how it is on " +
                                           branch() + ": " + vouched.error().cause(),
                                   .hint = "let the step see the history (fetch-depth: 0), or give it a token with "
                                           "contents: read"});
            if (!refusals.empty())
                warn(refusals, "nobody knows whether it is the repository's own: " + vouched.error().cause(),
                     "; or let the step see the history (fetch-depth: 0), or give it a token with contents: read",
                     remarks);
            return {};
        }
        auto there = vouched->text.value_or("");
        source.standing = Standing::outside;
        if (vouched->text) source.name = vouched->name;
        if (commit_->is_of_event) {
            TRY_VOID(apply_config(there, source, settings));
            if (there != own) warn(refusals, "that is not what the file says in the commit of this run", "", remarks);
            return {};
        }
        settings = std::move(unchanged);
        TRY_VOID(with_context(apply_config(there, source, settings), "reading the file as it is on " + branch()));
        if (there != own)
            remarks.push_back({.severity = event::Severity::notice,
                               .text = (name.empty() ? source.name : name) + " differs from what it is on " + branch() +
                                       ", and that is what counts for this run",
                               .hint = "what this change says of it counts once it is merged"});
        return {};
    }

  private:
    // Where the flake's file is in the commit. There another folder than here may be the first that has a flake.nix:
    // what a change does to that decides nothing.
    std::vector<fs::path> places_there() const {
        std::error_code error;
        auto folder = fs::absolute(flake_, error).lexically_normal();
        if (flake_.empty() || error) return files_;
        if (!folder.has_filename()) folder = folder.parent_path();
        auto top = repository_around(folder);
        while (!top.empty() && is_within(folder, top)) {
            auto flake = read_vouched_file(*commit_, {folder / "flake.nix"}, environment_);
            if (!flake) return files_;
            if (flake->text) return config_places(folder);
            if (folder == top) break;
            folder = folder.parent_path();
        }
        return files_;
    }
    std::string branch() const {
        return commit_->branch.empty() ? "the default branch" : "'" + sanitize(commit_->branch) + "'";
    }
    void warn(const std::vector<Refusal>& refusals, const std::string& why, const std::string& hint,
              std::vector<event::Message>& remarks) const {
        for (const auto& refusal : refusals) remarks.push_back(warning(refusal, why, hint, true));
    }

    std::vector<fs::path> files_; // in their order
    fs::path folder_;             // of the checkout
    std::string flake_;           // as it was named; empty: that has no say
    Command command_;
    const Environment& environment_;
    std::optional<github::VouchedCommit> commit_;
};

// Does the command end with an error where no cache is named?
bool needs_cache(Command command, const Settings& settings) {
    constexpr unsigned needing = bits(Command::run, Command::plan, Command::verify, Command::login, Command::use);
    const auto& flags = settings.typed.flags;
    bool is_push = command == Command::push && !flags.contains("watch") && !flags.contains("status");
    return (needing & bit(command)) != 0 || is_push;
}

UncountedCache uncounted_cache(const Refusal& refusal, const std::string& why) {
    auto told = warning(refusal, why, "", false);
    bool is_plain = !refusal.value.empty() && refusal.value.find("…") == std::string::npos;
    if (!is_plain) return {.why = told.text, .hint = told.hint};
    return {.why = told.text,
            .hint = "if that is what you mean, say it yourself: --cache " + shell_word(refusal.value) +
                    ", CACHEFILL_CACHE, or a line in ~/.config/cachefill/cachefill.yml; or vouch for the whole file "
                    "with --config"};
}

// Of what the flake's own file may not say, what nobody else says either: the rest makes no difference.
void warn_of_checkout(std::vector<Refusal> refusals, Command command, const Environment& environment,
                      Settings& settings, std::vector<event::Message>& remarks) {
    std::erase_if(refusals, [&](const auto& refusal) {
        const auto* option = find_option(refusal.key);
        bool by_variable = option->in_environment() && !environment.get_or(option->variable()).empty();
        return by_variable || settings.typed.flags.contains(refusal.key);
    });
    const std::string why = "the file lies in the flake's folder, and whoever wrote the flake wrote it";
    for (const auto& refusal : refusals) {
        // The error that follows says it.
        if (refusal.key == "cache" && settings.cache.empty() && needs_cache(command, settings))
            settings.uncounted_cache = uncounted_cache(refusal, why);
        else
            remarks.push_back(warning(refusal, why, "; or vouch for the whole file with --config", false));
    }
}

// Takes out of `refusals` what the user's own file says itself.
Result<void> forget_what_is_said_outside(const fs::path& file, Command command, std::vector<Refusal>& refusals) {
    TRY(text, read_config(file));
    Settings unused;
    TRY(said, apply_config(text, {.name = file.string(), .standing = Standing::checkout, .command = command}, unused));
    std::erase_if(refusals, [&said](const auto& refusal) {
        return std::any_of(said.begin(), said.end(), [&](const auto& other) { return other.key == refusal.key; });
    });
    return {};
}

// A file outside of the flake: what a person says, unless somebody else could have written it. In a step all that is
// outside of the checkout is the step's own, though it may belong to the runner's user and we be a container's root.
struct OwnFile {
    fs::path path;
    std::string why_not_ours; // empty: it counts

    OwnFile(fs::path file, bool is_step)
        : path(std::move(file)), why_not_ours(is_step ? std::string() : why_not_ours_alone(path)) {}
};

Result<void> apply_own(const OwnFile& file, Command command, Settings& settings, std::vector<event::Message>& remarks,
                       bool is_named = false) {
    TRY(text, read_config(file.path, is_named));
    auto standing = file.why_not_ours.empty() ? Standing::outside : Standing::checkout;
    ConfigSource source{.name = file.path.string(), .standing = standing, .command = command};
    TRY(refusals, apply_config(text, source, settings));
    for (const auto& refusal : refusals)
        remarks.push_back(warning(refusal, file.why_not_ours, ", where only you and root may write", false));
    return {};
}

Result<std::vector<Refusal>> apply_checkout(const fs::path& file, const fs::path& folder, Command command,
                                            Settings& settings) {
    TRY(text, read_own_file(file, folder));
    ConfigSource source{.name = file.string(), .standing = Standing::checkout, .command = command};
    return apply_config(text, source, settings);
}

} // namespace

Result<void> apply_config_files(const NamedConfig& named, Command command, const Environment& environment,
                                Settings& settings, std::vector<event::Message>& remarks) {
    bool is_step = github::is_step(environment);
    if (!named.file.empty()) {
        fs::path file = named.file;
        auto checkout = is_step ? checkout_around(file, environment) : std::string();
        if (is_below(file, checkout)) {
            TRY_VOID(read_config(file)); // it was asked for, so it has to be there
            return StepConfig({file}, checkout, command, environment).apply(settings, remarks);
        }
        if (is_step || named.by_hand || file.is_absolute())
            return apply_own({file, is_step}, command, settings, remarks, true);
        TRY(refusals, apply_checkout(file, file.parent_path(), command, settings));
        warn_of_checkout(std::move(refusals), command, environment, settings, remarks);
        return {};
    }
    std::vector<Refusal> refusals;
    std::error_code ignored;
    if (fs::is_directory(settings.flake, ignored)) {
        auto files = config_places(settings.flake);
        auto found = std::find_if(files.begin(), files.end(), is_file);
        if (is_step)
            TRY_VOID(StepConfig(files, settings.flake, command, environment, named.flake).apply(settings, remarks));
        else if (found != files.end()) {
            TRY(refused, apply_checkout(*found, settings.flake, command, settings));
            refusals = std::move(refused);
        }
    }
    auto own = user_file(environment);
    // XDG_CONFIG_HOME may lead into the checkout.
    auto checkout = is_step ? checkout_around(own, environment) : std::string();
    bool is_checkouts = !own.empty() && is_below(own, checkout);
    if (is_checkouts) TRY_VOID(StepConfig({own}, checkout, command, environment).apply(settings, remarks));
    if (!own.empty() && !is_checkouts) {
        OwnFile file(own, is_step);
        if (file.why_not_ours.empty()) TRY_VOID(forget_what_is_said_outside(own, command, refusals));
        TRY_VOID(apply_own(file, command, settings, remarks));
    }
    warn_of_checkout(std::move(refusals), command, environment, settings, remarks);
    return {};
}

} // namespace cachefill::options
