#include "cache/nar_checker.hpp"
#include "unit/cache/sample.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;
using codec::Compression;

namespace {

std::string compressed(Compression method, const std::string& text) {
    auto compressor = codec::make_compressor({.method = method}).value();
    std::string out;
    BOOST_REQUIRE(compressor->write(text, out).has_value());
    BOOST_REQUIRE(compressor->finish(out).has_value());
    return out;
}

// An archive and the narinfo that is right about it.
struct Archive {
    test::Sample sample = test::make_sample("checked", 20'000);
    nix::NarInfo info = sample.info;
    std::string file;

    explicit Archive(Compression method = Compression::zstd) : file(compressed(method, sample.nar)) {
        info.compression = method;
        info.url = "nar/x.nar" + std::string(codec::file_extension(method));
        describe();
    }
    void describe() {
        info.file_size = file.size();
        info.file_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, file);
    }
    Result<NarRemarks> check(std::size_t piece = 700, std::string* kept = nullptr) const {
        NarChecker checker(info, kept);
        for (std::size_t at = 0; at < file.size(); at += piece)
            TRY_VOID(checker.write(std::string_view(file).substr(at, piece)));
        return checker.finish();
    }
    std::string said() const {
        auto checked = check();
        if (checked) return "fine";
        BOOST_TEST((checked.error().kind() == FailureKind::protocol));
        return checked.error().one_line();
    }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(nar_checker)

BOOST_AUTO_TEST_CASE(an_archive_that_is_what_its_narinfo_says_is_fine_however_it_comes) {
    for (auto method : {Compression::none, Compression::zstd, Compression::xz, Compression::gzip})
        for (std::size_t piece : {1U, 23U, 24U, 25U, 4096U, 1U << 20}) {
            Archive archive(method);
            std::string kept = "what was there before";
            auto checked = archive.check(piece, &kept);
            BOOST_REQUIRE_MESSAGE(checked.has_value(), codec::to_string(method));
            BOOST_TEST(checked->empty());
            BOOST_TEST((kept == archive.sample.nar));
        }
}

BOOST_AUTO_TEST_CASE(another_content_is_no_archive_of_this_path) {
    Archive other_hash;
    other_hash.info.nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "x");
    BOOST_TEST(has(other_hash.said(), "the NAR's hash is sha256:"));
    Archive longer;
    longer.info.nar_size -= 1;
    BOOST_TEST(longer.said() != "fine");
    Archive shorter;
    shorter.info.nar_size += 1;
    BOOST_TEST(has(shorter.said(), "the NAR's size is "));
}

BOOST_AUTO_TEST_CASE(an_archive_that_is_cut_empty_or_spoilt_is_none) {
    for (auto method : {Compression::none, Compression::zstd, Compression::xz, Compression::gzip}) {
        Archive cut(method);
        cut.file.resize(cut.file.size() / 2);
        BOOST_TEST(cut.said() != "fine", codec::to_string(method));
        Archive spoilt(method);
        spoilt.file[spoilt.file.size() / 2] = static_cast<char>(spoilt.file[spoilt.file.size() / 2] ^ 0x55);
        BOOST_TEST(spoilt.said() != "fine", codec::to_string(method));
    }
    Archive empty;
    empty.file.clear();
    BOOST_TEST(empty.said() == "its archive is empty");
    Archive short_one;
    short_one.file = "x";
    BOOST_TEST(short_one.said() != "fine");
}

BOOST_AUTO_TEST_CASE(what_nix_does_not_compare_is_a_remark) {
    Archive archive;
    archive.info.file_size = *archive.info.file_size + 1;
    BOOST_TEST((archive.check().value() == NarRemarks{NarRemark::wrong_file_size}));
    archive.describe();
    archive.info.file_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "x");
    BOOST_TEST((archive.check().value() == NarRemarks{NarRemark::wrong_file_hash}));
    archive.info.file_hash.reset();
    archive.info.file_size.reset();
    BOOST_TEST(archive.check().value().empty());
}

BOOST_AUTO_TEST_CASE(few_bytes_that_unfold_to_many_are_stopped_where_the_nar_should_end) {
    Archive bomb;
    bomb.file = compressed(Compression::zstd, std::string(64 << 20, '\0'));
    bomb.describe();
    BOOST_TEST(bomb.said() != "fine");
}

BOOST_AUTO_TEST_SUITE_END()
