#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::eval {

// What git's own configuration says of access that others do not have: logins, and ways. Only what names a host counts:
// who has a helper for everything, or one for github.com, as `gh` sets it up, fetches public repositories all the same.
class GitLogins {
  public:
    // `listing`: what `git config --list -z` prints.
    static GitLogins from_config(std::string_view listing);
    // Of a configuration that cannot be read: any repository may be private.
    static GitLogins unknown();
    // Where the helper `store` keeps logins, as far as it is in use: "" for its own places, else a file, "/…" or "~/…".
    const std::vector<std::string>& stores() const { return stores_; }
    // A file as that helper keeps it, a URL with its login on each line.
    void add_stored(std::string_view file);
    // Logins that git reads elsewhere, told by host.
    void add_netrc(std::function<bool(const std::string& host)> has_login) { has_login_ = std::move(has_login); }

    // Where git fetches from that is told this URL: by the longest url.<base>.insteadOf that fits. The URL itself where
    // nothing fits, or only what takes ssh for all of a public forge.
    std::string rewritten(const std::string& url) const;
    // Why a repository that git fetches from this URL, or from where that is led, may be private by what is set up for
    // an address, without a word of the login; empty: nothing says so. The address that it is led to has to be judged
    // besides.
    std::string why_private(const std::string& url) const;

    struct Parts {
        std::string scheme, host, port, path; // an empty scheme fits every one, and without a host every address
    };

  private:
    struct Place : Parts {
        std::string why;
    };
    struct Rewriting {
        std::string base;
        std::vector<std::string> prefixes;
    };
    std::string why_private_at(const std::string& url) const;
    static bool covers(const Place& place, const std::string& url);
    void add(std::string_view section, std::string_view subject, std::string_view variable, std::string_view value);
    void add_http(std::string_view subject, std::string_view variable, std::string_view value);
    void add_helper(std::string_view subject, std::string_view value);
    void add_git_proxy(std::string_view value);
    void add_of_host(Parts parts, std::string why);

    std::vector<std::string> stores_;
    std::vector<Place> places_;
    std::vector<Rewriting> rewritings_;
    std::function<bool(const std::string& host)> has_login_;
};

} // namespace cachefill::eval
