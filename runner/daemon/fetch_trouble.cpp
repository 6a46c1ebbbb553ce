#include "daemon/fetch_trouble.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace cachefill::daemon {

namespace {

constexpr std::size_t longest_words = 300;

std::string_view after(std::string_view text, std::string_view mark) {
    auto at = text.find(mark);
    return at == text.npos ? std::string_view() : text.substr(at + mark.size());
}

bool holds(std::string_view text, std::string_view words) { return text.find(words) != text.npos; }

// What stands between the quotes after `mark`.
std::string_view quoted(std::string_view text, std::string_view mark) {
    auto rest = after(text, mark);
    return rest.substr(0, rest.find('\''));
}

// Of a file in a binary cache, the cache.
std::string cache_of(std::string_view url) {
    auto path = url.substr(0, url.find('?'));
    auto slash = path.rfind('/');
    if (slash == path.npos) return redact_url(url);
    auto base = path.substr(0, slash);
    for (std::string_view folder : {"/nar", "/log", "/realisations"})
        if (base.ends_with(folder)) base.remove_suffix(folder.size());
    return redact_url(base);
}

// The first line, without "error:", addresses' secrets and what Nix means to do next.
std::string concise(std::string_view words) {
    words = words.substr(0, words.find('\n'));
    words = words.substr(0, words.find("; retrying "));
    for (std::string_view label : {"warning: ", "error (ignored): ", "error: "})
        if (words.starts_with(label)) words.remove_prefix(label.size());
    std::string text;
    for (auto word : split(words, ' ')) {
        if (!text.empty()) text += ' ';
        auto scheme = word.find("://");
        text += scheme == word.npos ? std::string(word) : redact_url(word);
    }
    return ellipsize(text, longest_words);
}

// "HTTP error 404 ('Not Found')": which is the server's last word, unlike 5xx, 408 (it was slow) and 429.
bool is_final_status(std::string_view said) {
    constexpr std::string_view label = "HTTP error 4";
    if (!said.starts_with(label) || said.size() < label.size() + 2) return false;
    auto rest = said.substr(label.size(), 2);
    return rest != "08" && rest != "25" && rest != "29";
}

FetchReason of_download(std::string_view message) {
    FetchReason reason;
    auto url = quoted(message, "unable to download '");
    reason.cache = cache_of(url);
    reason.said = concise(after(message.substr(message.find(url) + url.size()), "': "));
    reason.trouble = is_final_status(reason.said) ? FetchTrouble::absent : FetchTrouble::network;
    return reason;
}

struct Sign {
    std::string_view words;
    FetchTrouble trouble;
    std::string_view before_cache; // what its address stands behind, in quotes
};

constexpr std::array signs{
    Sign{"No space left on device", FetchTrouble::disk, {}},
    Sign{"Disk quota exceeded", FetchTrouble::disk, {}},
    Sign{"database or disk is full", FetchTrouble::disk, {}},
    Sign{"is not signed by any of the keys", FetchTrouble::untrusted, "from '"},
    Sign{"it's not signed by any of the keys", FetchTrouble::untrusted, "from '"},
    Sign{"lacks a valid signature", FetchTrouble::untrusted, {}},
    Sign{"lacks a signature by a trusted key", FetchTrouble::untrusted, {}},
    Sign{"hash mismatch", FetchTrouble::corrupt, {}},
    Sign{"size mismatch importing", FetchTrouble::corrupt, {}},
    Sign{"bad archive", FetchTrouble::corrupt, {}},
    Sign{"NAR info file", FetchTrouble::corrupt, {}},
    Sign{"NAR for ", FetchTrouble::corrupt, {}},
    Sign{"failed to decompress", FetchTrouble::corrupt, {}},
    Sign{"decompressing", FetchTrouble::corrupt, {}},
    Sign{"unknown compression method", FetchTrouble::corrupt, {}},
    Sign{"claims to be content-addressed but isn't", FetchTrouble::corrupt, {}},
    Sign{"does not exist in binary cache", FetchTrouble::absent, "binary cache '"},
    Sign{"disabling binary cache", FetchTrouble::network, "binary cache '"},
    Sign{"' is disabled", FetchTrouble::network, "substituter '"},
    Sign{"cannot open connection to remote store", FetchTrouble::network, "remote store '"},
    Sign{"failed to start SSH connection", FetchTrouble::network, "connection to '"},
    Sign{"AWS error", FetchTrouble::network, {}},
};

// What keeps a path away, whatever else was met on the way: most telling first.
int weight(FetchTrouble trouble) {
    switch (trouble) {
    case FetchTrouble::disk:
        return 6;
    case FetchTrouble::daemon_gone:
        return 5;
    case FetchTrouble::network:
        return 4;
    case FetchTrouble::corrupt:
        return 3;
    case FetchTrouble::untrusted:
        return 2;
    case FetchTrouble::absent:
        return 1;
    case FetchTrouble::other:
        break;
    }
    return 0;
}

bool will_be_tried_again(std::string_view message) { return holds(message, "; retrying "); }

} // namespace

std::string_view to_string(FetchTrouble trouble) {
    switch (trouble) {
    case FetchTrouble::network:
        return "network";
    case FetchTrouble::absent:
        return "absent";
    case FetchTrouble::untrusted:
        return "untrusted";
    case FetchTrouble::corrupt:
        return "corrupt";
    case FetchTrouble::disk:
        return "disk";
    case FetchTrouble::daemon_gone:
        return "daemon-gone";
    case FetchTrouble::other:
        break;
    }
    return "other";
}

bool tells_of_full_disk(std::string_view words) {
    return std::any_of(signs.begin(), signs.end(), [words](const Sign& sign) {
        return sign.trouble == FetchTrouble::disk && holds(words, sign.words);
    });
}

std::optional<FetchReason> trouble_told(std::string_view message) {
    if (holds(message, "unable to download '")) return of_download(message);
    for (const auto& sign : signs)
        if (holds(message, sign.words)) {
            auto cache = sign.before_cache.empty() ? std::string_view() : quoted(message, sign.before_cache);
            return FetchReason{sign.trouble, redact_url(cache), concise(message)};
        }
    return {};
}

FetchReason reason_of_failed_fetch(const std::vector<std::string>& messages, std::string_view error) {
    std::optional<FetchReason> found;
    auto weigh = [&found](std::optional<FetchReason> told) {
        if (told && (!found || weight(told->trouble) > weight(found->trouble))) found = std::move(told);
    };
    weigh(trouble_told(error));
    for (const auto& message : messages)
        if (!will_be_tried_again(message)) weigh(trouble_told(message));
    if (found) return *found;
    for (std::string_view nowhere :
         {"does not exist and cannot be created", "there is no substituter that can build it", "could not be realised"})
        if (holds(error, nowhere)) return {FetchTrouble::absent, {}, concise(error)};
    return {FetchTrouble::other, {}, concise(error)};
}

} // namespace cachefill::daemon
