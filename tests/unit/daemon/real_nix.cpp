#include "real_nix.hpp"

#include "async/child_process.hpp"
#include "base/text.hpp"
#include "support/run_task.hpp"

#include <csignal>
#include <stdexcept>

namespace cachefill::test {

namespace {

Environment make_environment(const std::filesystem::path& home) {
    auto environment = Environment::of_this_process();
    environment.set("HOME", home.native());
    environment.unset("NIX_REMOTE");
    std::string config = "sandbox = true\nsandbox-fallback = false\nbuild-users-group =\nsubstituters =\n"
                         "max-jobs = 2\nkeep-derivations = false\n";
    // A shell that needs no libraries, where the distribution's Nix brings none for the sandbox.
    if (std::filesystem::exists("/usr/bin/bash-static")) config += "sandbox-paths = /bin/sh=/usr/bin/bash-static\n";
    environment.set("NIX_CONFIG", config);
    return environment;
}

} // namespace

RealNix::RealNix()
    : directory_(TemporaryDirectory::make("cachefill-nix-").value()),
      store_uri_("local?root=" + directory_.path().native() + "/store"),
      environment_(make_environment(directory_.path())),
      endpoint_(daemon::find_endpoint(store_uri_, environment_).value()) {
    std::signal(SIGPIPE, SIG_IGN);
}

bool RealNix::is_there() {
    auto environment = Environment::of_this_process();
    return async::find_program("nix", environment) || !environment.get_or("CACHEFILL_REQUIRE_NIX").empty();
}

std::string RealNix::run(std::vector<std::string> arguments) const {
    auto body = [&](async::Executor) -> async::Task<Result<async::FinishedProcess>> {
        async::ProcessSpec spec;
        spec.arguments = arguments;
        spec.environment = environment_;
        co_return co_await async::run_process(std::move(spec), std::chrono::seconds(60));
    };
    auto finished = run_task<Result<async::FinishedProcess>>(body);
    if (!finished) throw std::runtime_error(finished.error().one_line());
    if (!finished->status.success()) throw std::runtime_error(join(arguments, " ") + ": " + finished->error);
    return finished->output;
}

nix::StorePath RealNix::instantiate(const std::string& name, const std::string& script,
                                    const std::string& more_attributes) const {
    auto expression = "derivation { name = \"" + name + "\"; system = builtins.currentSystem; builder = \"/bin/sh\"; " +
                      "args = [ \"-c\" ''" + script + "'' ]; " + more_attributes + " }";
    auto output = run({"nix-instantiate", "--store", store_uri_, "--expr", expression});
    return nix::StorePath::parse(trim(output)).value();
}

} // namespace cachefill::test
