#include "eval/untracked.hpp"

#include "async/git.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"

namespace cachefill::eval {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds git_deadline{20};

struct GitAnswer {
    int code = 0;
    std::string text;
};

// Pathspecs are taken as they are: a file may be called "a[1].nix". (check-ignore takes names anyway, and refuses the
// option.) Empty: git could not be asked.
async::Task<std::optional<GitAnswer>> ask_git(fs::path directory, std::vector<std::string> arguments,
                                              Environment environment) {
    if (arguments.front() != "check-ignore") arguments.insert(arguments.begin(), "--literal-pathspecs");
    auto spec = async::git_process(directory, std::move(arguments), environment);
    spec.environment.set("GIT_OPTIONAL_LOCKS", "0");
    auto finished = co_await async::run_process(std::move(spec), git_deadline);
    if (!finished || finished->status.signal) co_return std::nullopt;
    GitAnswer answer{.code = finished->status.code, .text = std::string(trim(finished->output))};
    co_return answer;
}

std::string in_url(const fs::path& directory) {
    std::string encoded;
    for (const auto& part : directory)
        if (part != "/") encoded += "/" + percent_encode(part.string());
    return encoded;
}

bool is_there(const fs::path& file) {
    std::error_code ignored;
    return fs::symlink_status(file, ignored).type() != fs::file_type::not_found;
}

// What to type so that git adds it: short where one stands in the repository already.
std::string add_command(const UntrackedFile& untracked, const fs::path& current_directory) {
    std::error_code error;
    auto file = untracked.repository / untracked.file;
    auto here = fs::relative(current_directory, untracked.repository, error);
    bool is_inside = !error && !here.empty() && *here.begin() != "..";
    std::vector<std::string> words{"git", "add"};
    if (untracked.why == UntrackedFile::Why::ignored) words.emplace_back("-f");
    auto name = is_inside ? fs::relative(file, current_directory, error).string() : untracked.file;
    if (name.starts_with("-")) words.emplace_back("--");
    words.push_back(std::move(name));
    auto add = shell_command(words);
    return is_inside ? add : "cd " + shell_word(untracked.repository.string()) + " && " + add;
}

struct NixFiles {
    bool are_several = false;
    std::string only; // if there is but one
};

// A directory with more in it than anybody has written holds several.
NixFiles nix_files_below(const fs::path& directory) {
    std::error_code error;
    NixFiles found;
    int looked_at = 0;
    for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        if (++looked_at > 1000) return {.are_several = true, .only = {}};
        if (at->path().filename() == ".git") at.disable_recursion_pending();
        if (at->path().extension() != ".nix" || !at->is_regular_file(error)) continue;
        if (!found.only.empty()) return {.are_several = true, .only = {}};
        found.only = at->path().string();
    }
    return found;
}

// Git does not know directories, only files.
bool holds_a_file(const fs::path& directory) {
    std::error_code error;
    for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
        if (at->symlink_status(error).type() != fs::file_type::directory) return true;
    return false;
}

// Of a directory that is missing as a whole Nix tells no more than its name. If but one file of Nix lies in it, that
// is the one that was meant.
std::string only_nix_file_below(const fs::path& directory) {
    auto only = nix_files_below(directory).only;
    return only.ends_with("/default.nix") ? fs::path(only).parent_path().string() : only;
}

// The outermost directory around the file, below the root, in which git tracks nothing; empty: it tracks something
// beside the file.
async::Task<fs::path> untracked_around(fs::path root, fs::path file, Environment environment) {
    fs::path outermost;
    for (auto at = file.parent_path(); !at.empty(); at = at.parent_path()) {
        std::vector<std::string> is_tracked{"ls-files", "--", at.string()};
        auto tracked = co_await ask_git(root, std::move(is_tracked), environment);
        if (!tracked || tracked->code != 0 || !tracked->text.empty()) break;
        outermost = at;
    }
    co_return outermost;
}

} // namespace

async::Task<fs::path> work_tree_root(fs::path directory, Environment environment) {
    std::vector<std::string> question{"rev-parse", "--show-toplevel"};
    auto answer = co_await ask_git(std::move(directory), std::move(question), std::move(environment));
    co_return answer && answer->code == 0 ? fs::path(answer->text) : fs::path();
}

async::Task<std::optional<UntrackedFile>> find_untracked_below(fs::path directory, std::string file,
                                                               Environment environment) {
    auto whole = (directory / file).lexically_normal();
    if (!is_there(whole)) co_return std::nullopt;
    auto root = co_await work_tree_root(directory, environment);
    if (root.empty()) co_return std::nullopt;
    std::error_code error;
    auto real = fs::weakly_canonical(whole.parent_path(), error) / whole.filename();
    UntrackedFile untracked;
    untracked.repository = fs::weakly_canonical(root, error);
    if (fs::is_directory(real, error) && !holds_a_file(real)) co_return std::nullopt;
    if (fs::is_directory(real, error))
        if (auto only = only_nix_file_below(real); !only.empty()) real = only;
    untracked.file = real.lexically_relative(untracked.repository).string();
    if (untracked.file.empty() || untracked.file.starts_with("..")) co_return std::nullopt;
    // A repository below this one: a submodule, or one that somebody put there.
    bool is_directory = fs::is_directory(real, error);
    auto nearest = is_directory ? real : real.parent_path();
    auto inner = co_await work_tree_root(std::move(nearest), environment);
    if (!inner.empty() && !fs::equivalent(inner, root, error)) {
        auto submodule = fs::weakly_canonical(inner, error);
        std::vector<std::string> is_submodule{"ls-files", "--stage", "--",
                                              submodule.lexically_relative(untracked.repository).string()};
        auto staged = co_await ask_git(root, std::move(is_submodule), environment);
        bool is_known = staged && staged->text.starts_with("160000 ");
        if (is_known) {
            // Named with its submodules, too, the flake lacks what those do not track.
            auto below = real.lexically_relative(submodule).string();
            auto in_it = co_await find_untracked_below(submodule, std::move(below), std::move(environment));
            if (in_it) co_return in_it;
        }
        untracked.why = is_known ? UntrackedFile::Why::in_submodule : UntrackedFile::Why::in_repository;
        untracked.inner = submodule.lexically_relative(untracked.repository).string();
        co_return untracked;
    }
    std::vector<std::string> is_tracked{"ls-files", "--", untracked.file};
    auto tracked = co_await ask_git(root, std::move(is_tracked), environment);
    if (!tracked || tracked->code != 0 || !tracked->text.empty()) co_return std::nullopt;
    std::vector<std::string> is_ignored{"check-ignore", "-v", "--", untracked.file};
    auto ignored = co_await ask_git(root, std::move(is_ignored), environment);
    if (ignored && ignored->code == 0) {
        untracked.why = UntrackedFile::Why::ignored;
        untracked.rule = sanitize(ignored->text.substr(0, ignored->text.find('\t')));
        co_return untracked;
    }
    // The first of many: with it added Nix would miss the next.
    auto around = co_await untracked_around(root, untracked.file, std::move(environment));
    if (!around.empty() && nix_files_below(untracked.repository / around).are_several) untracked.file = around.string();
    co_return untracked;
}

async::Task<std::optional<UntrackedFile>> find_untracked(std::string missing, SourceMap sources,
                                                         Environment environment) {
    if (sources.directory.empty()) co_return std::nullopt;
    auto relative = sources.relative(missing);
    bool is_relative = !missing.starts_with('/') && !missing.starts_with("«");
    if (!relative && !is_relative) co_return std::nullopt;
    auto file = relative ? *relative : missing;
    co_return co_await find_untracked_below(sources.directory, std::move(file), std::move(environment));
}

Failure explain_untracked(const Failure& failure, const UntrackedFile& untracked, const fs::path& current_directory) {
    auto add = add_command(untracked, current_directory);
    auto said = failure.cause().substr(0, failure.cause().find('\n'));
    auto file = sanitize(untracked.file);
    std::string cause, hint;
    switch (untracked.why) {
    case UntrackedFile::Why::unknown_to_git:
        cause = file + " is not tracked by git, so for Nix it is not there";
        hint = add;
        break;
    case UntrackedFile::Why::ignored:
        cause = file + " is ignored by git (" + untracked.rule + "), so for Nix it is not there";
        hint = add + ", or mend the rule; what is in the flake gets into the store, where everybody can read it";
        break;
    case UntrackedFile::Why::in_submodule:
        cause = file + " lies in a submodule, so for Nix it is not there";
        hint = "name the flake with its submodules: 'git+file://" + in_url(untracked.repository) + "?submodules=1'";
        break;
    case UntrackedFile::Why::in_repository: {
        auto inner = sanitize(untracked.inner);
        cause = (untracked.file == untracked.inner ? file + " is" : file + " lies in " + inner + ",") +
                " a git repository of its own that the flake's knows nothing of, so for Nix it is not there";
        hint = "make it an input of the flake, or a submodule (git submodule add URL " + shell_word(inner) +
               "); or, to have its files in the flake itself, move " + inner + "/.git away and 'git add' it";
        break;
    }
    }
    if (!said.empty()) cause += ": " + said;
    return Failure(failure.kind() == FailureKind::usage ? FailureKind::usage : FailureKind::eval, std::move(cause))
        .with_hint(std::move(hint));
}

} // namespace cachefill::eval
