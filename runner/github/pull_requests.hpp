#pragma once

#include "github/rest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::github {

struct PullRequest {
    std::uint64_t number = 0;
    std::string head_sha;        // its newest commit
    std::string head_repository; // "owner/name"; empty: the fork is gone
};

struct Comment {
    std::uint64_t id = 0;
    std::string body;
    // A bot wrote it, or somebody of the repository: no stranger, who could change it again.
    bool is_ours = false;
};

// What we need of one repository's pull requests and the comments on them.
class PullRequestsApi {
  public:
    static constexpr std::size_t most_comments = 5000;

    PullRequestsApi(RestClient& rest, Repository repository) : rest_(rest), repository_(std::move(repository)) {}

    // Empty: there is none of this number.
    async::Task<Result<std::optional<PullRequest>>> pull_request(std::uint64_t number);
    // The open ones whose head is this branch of that repository ("owner/name").
    async::Task<Result<std::vector<PullRequest>>> open_with_head(std::string head_repository, std::string branch);
    // The oldest first, all pages of them, at most `most_comments`.
    async::Task<Result<std::vector<Comment>>> comments(std::uint64_t number);
    async::Task<Result<void>> post_comment(std::uint64_t number, std::string body);
    async::Task<Result<void>> edit_comment(std::uint64_t id, std::string body);

  private:
    std::string path(std::string_view below) const;
    Failure explain(Failure failure) const;

    RestClient& rest_;
    Repository repository_;
};

enum class CommentOutcome {
    posted,
    edited,
    unchanged, // it says so already
    not_worth, // there is none, and it was to be kept up to date only
};

// The one comment of ours that begins with `mark` says `text`, which begins with it, too. What strangers wrote is left
// alone, whatever it begins with. `only_if_there`: there is nothing to begin one with.
async::Task<Result<CommentOutcome>> keep_comment(PullRequestsApi& api, std::uint64_t pull_request, std::string mark,
                                                 std::string text, bool only_if_there);

} // namespace cachefill::github
