// netrc files, which other programs write.
//
// What stands in front of it counts, whatever follows. Remarks are few, steer no terminal and repeat no word of the
// file. Each login is told once.
#include "http/netrc.hpp"

#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

#include <set>

namespace cachefill::fuzz {

void netrc(std::string_view input) {

    if (may_become_planted(input)) return;
    using Default = http::Netrc::Default;
    auto text = "machine planted.example login kim password " + std::string(planted) +
                "\nmachine end.example password x\n" + std::string(input);
    auto read = http::Netrc::parse(text);
    require(read.remarks().size() <= 20, "remarks are few");
    for (const auto& remark : read.remarks()) {
        require_harmless(remark);
        require(!holds_planted(remark) && remark.size() < 200, "remarks repeat nothing");
    }
    for (auto use_default : {Default::use, Default::ignore}) {
        auto found = read.find("planted.example", use_default, "kim");
        require(found.has_value() && !found->empty(), "what stands in front counts");
        std::set<std::string, std::less<>> once;
        for (const auto& login : *found) require(once.emplace(login.reveal()).second, "each login is told once");
    }
    if (auto other = read.find("other.example", Default::use); !other)
        require_told(other.error(), {FailureKind::usage});
    require(!read.all().empty(), "all of them are told");
    for (const auto& login : read.all()) http::in_base64(login);
}

} // namespace cachefill::fuzz
