#include "cache/nar_look.hpp"
#include "unit/cache/sample.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;
using codec::Compression;

namespace {

nix::NarInfo stated(Compression compression, const std::string& url = "nar/x.nar.zst") {
    auto info = test::make_sample("looked-at", 100).info;
    info.url = url;
    info.compression = compression;
    info.file_size = 1000;
    return info;
}

FileLook file(std::optional<std::uint64_t> size, std::string beginning = {}) {
    FileLook look;
    look.is_there = true;
    look.size = size;
    look.beginning = std::move(beginning);
    return look;
}

const std::string zstd("\x28\xb5\x2f\xfd\x04\0\0\0", 8);
const std::string nar("\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0", 24);

} // namespace

BOOST_AUTO_TEST_SUITE(nar_look)

BOOST_AUTO_TEST_CASE(a_file_of_the_stated_length_or_of_an_unknown_one_is_there) {
    for (auto size : {std::optional<std::uint64_t>(1000), std::optional<std::uint64_t>()})
        BOOST_TEST((judge(stated(Compression::zstd), file(size)).state == NarState::there));
    auto without_size = stated(Compression::zstd);
    without_size.file_size.reset();
    BOOST_TEST((judge(without_size, file(7)).state == NarState::there));
    BOOST_TEST((judge(without_size, file(0)).state == NarState::wrong_size));
}

BOOST_AUTO_TEST_CASE(an_archive_that_is_not_compressed_is_as_long_as_its_nar) {
    auto info = stated(Compression::none, "nar/x.nar");
    info.file_size.reset();
    BOOST_TEST((judge(info, file(info.nar_size)).state == NarState::there));
    auto half = judge(info, file(info.nar_size / 2));
    BOOST_TEST((half.state == NarState::wrong_size));
    BOOST_TEST(half.why.find("the narinfo states " + std::to_string(info.nar_size)) != std::string::npos, half.why);
    info.file_size = 1000; // said so, it counts
    BOOST_TEST((judge(info, file(1000)).state == NarState::there));
}

BOOST_AUTO_TEST_CASE(what_is_gone_or_half_is_named_with_what_was_seen) {
    FileLook gone;
    gone.answer = "410 Gone";
    auto look = judge(stated(Compression::zstd), gone);
    BOOST_TEST((look.state == NarState::gone));
    BOOST_TEST(look.why.find("410 Gone") != std::string::npos, look.why);
    BOOST_TEST(look.why.find("nar/x.nar.zst") != std::string::npos, look.why);
    look = judge(stated(Compression::zstd), file(500));
    BOOST_TEST((look.state == NarState::wrong_size));
    BOOST_TEST(look.why.find("500 bytes, but the narinfo states 1000") != std::string::npos, look.why);
}

// The headers are of files that zstd 1.5.4 made; Nix 2.8, 2.26 and 2.34 were shown each.
BOOST_AUTO_TEST_CASE(a_window_of_zstd_larger_than_nix_takes_cannot_be_undone) {
    using namespace std::string_literals;
    struct Case {
        std::string made_by, beginning;
        NarState state;
    };
    const std::vector<Case> cases{
        {"--long=27", "\x28\xb5\x2f\xfd\x04\x88\xbc\x1c"s, NarState::there},
        {"--long=28", "\x28\xb5\x2f\xfd\x04\x90\xbc\x1c"s, NarState::unreadable},
        {"--long=31", "\x28\xb5\x2f\xfd\x04\xa8\xbc\x1c"s, NarState::unreadable},
        {"--long=28 of 200 MiB, in one segment", "\x28\xb5\x2f\xfd\xa4\0\0\x80\x0c\x64"s, NarState::unreadable},
        {"--long=28 of 100 MiB, in one segment", "\x28\xb5\x2f\xfd\xa4\0\0\x40\x06\x64"s, NarState::there},
        {"100 bytes", "\x28\xb5\x2f\xfd\x24\x64\x8d\x02"s, NarState::there},
        {"cut off", "\x28\xb5\x2f\xfd\xa4\0"s, NarState::there},
    };
    for (const auto& [made_by, beginning, state] : cases) {
        auto look = judge(stated(Compression::zstd), file(1000, beginning));
        BOOST_TEST((look.state == state), made_by << ": " << look.why);
        if (state == NarState::unreadable)
            BOOST_TEST(look.why.find("Nix takes no more than 128.0 MiB") != std::string::npos, look.why);
    }
}

BOOST_AUTO_TEST_CASE(the_first_bytes_must_be_those_of_the_stated_compression) {
    struct Case {
        Compression stated;
        std::string beginning;
        NarState state;
        bool old_nix_is_told;
    };
    const std::vector<Case> cases{
        {Compression::zstd, zstd, NarState::there, false},
        {Compression::xz, zstd, NarState::unreadable, true},
        {Compression::bzip2, zstd, NarState::unreadable, true},
        {Compression::unknown, zstd, NarState::unreadable, true},
        {Compression::none, zstd, NarState::unreadable, false},
        {Compression::brotli, zstd, NarState::unreadable, false},
        {Compression::none, nar, NarState::there, false},
        {Compression::xz, nar, NarState::unreadable, false},
        {Compression::bzip2, nar, NarState::unreadable, false},
        {Compression::brotli, "\x1b\x77", NarState::there, false},
        {Compression::zstd, "<html>", NarState::unreadable, false},
    };
    for (const auto& each : cases) {
        auto look = judge(stated(each.stated), file(1000, each.beginning));
        BOOST_TEST((look.state == each.state), codec::to_string(each.stated) << " for " << each.beginning);
        BOOST_TEST((look.why.find("before 2.22") != std::string::npos) == each.old_nix_is_told, look.why);
    }
}

BOOST_AUTO_TEST_CASE(what_is_encoded_on_its_way_is_told_where_it_matters) {
    auto encoded = file({});
    encoded.is_encoded = true;
    BOOST_TEST((judge(stated(Compression::zstd), encoded).remarks == NarRemarks{NarRemark::twice_encoded}));
    BOOST_TEST(judge(stated(Compression::none), encoded).remarks.empty());
    BOOST_TEST(judge(stated(Compression::brotli), encoded).remarks.empty());
}

BOOST_AUTO_TEST_CASE(a_name_that_says_something_else_is_odd) {
    BOOST_TEST(has_odd_name(stated(Compression::xz, "nar/x.nar.zst")));
    BOOST_TEST(has_odd_name(stated(Compression::none, "nar/x.nar.xz?hash=1")));
    BOOST_TEST(has_odd_name(stated(Compression::bzip2, "nar/x.nar"))); // no Compression at all
    BOOST_TEST(!has_odd_name(stated(Compression::zstd, "nar/x.nar.zst")));
    BOOST_TEST(!has_odd_name(stated(Compression::zstd, "nar/x.nar"))); // attic
    BOOST_TEST(!has_odd_name(stated(Compression::none, "nar/x.nar")));
}

BOOST_AUTO_TEST_SUITE_END()
