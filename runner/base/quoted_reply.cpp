#include "base/quoted_reply.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"

namespace cachefill {

std::string quoted_reply(std::string_view reply, std::size_t longest) {
    constexpr std::size_t most = 64 << 10; // what stands behind is never shown
    bool is_cut = reply.size() > most;
    reply = reply.substr(0, most);
    constexpr std::string_view around_words = " \t\r\n'\"`<>";
    if (is_cut) {
        auto end = reply.find_last_of(around_words);
        reply = reply.substr(0, end == reply.npos ? 0 : end);
    }
    std::string plain;
    for (std::size_t at = 0; at < reply.size(); ++at)
        if (!reply.substr(at).starts_with("\\/")) plain += reply[at]; // JSON may write "https:\/\/…"
    return ellipsize(clean_foreign(plain), longest);
}

} // namespace cachefill
