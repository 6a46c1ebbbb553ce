#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill {

// The process environment as a value: read once in main, passed on, changed only in copies for children.
class Environment {
  public:
    Environment() = default;
    explicit Environment(std::map<std::string, std::string> variables) : variables_(std::move(variables)) {}

    static Environment of_this_process();

    std::optional<std::string> find(const std::string& name) const;
    // Empty and unset are the same here: GitHub sets absent inputs to "".
    std::string get_or(const std::string& name, std::string otherwise = {}) const;
    void set(const std::string& name, std::string value) { variables_[name] = std::move(value); }
    void unset(const std::string& name) { variables_.erase(name); }

    const std::map<std::string, std::string>& variables() const { return variables_; }
    // "NAME=value" lines for exec.
    std::vector<std::string> to_strings() const;

    // What children (evaluators, the daemon on --stdio) may see: everything but our own secrets: cache token, signing
    // key, notify URL, the runner's ACTIONS_* credentials and GITHUB_TOKEN. NIX_*, netrc, SSH agent, proxies and CA
    // files stay, or private flake inputs break (design stage 3).
    Environment without_our_secrets() const;

  private:
    std::map<std::string, std::string> variables_;
};

} // namespace cachefill
