#include "nix/nar.hpp"
#include "support/golden.hpp"
#include "support/mutations.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::nix;

namespace {

struct Seen {
    std::string listing; // a line for each thing in the archive
    std::uint64_t content_size = 0;
};

// Reads `nar` in pieces of that size.
Result<Seen> read_nar(std::string_view nar, std::size_t piece) {
    Seen seen;
    NarVisitor visitor;
    visitor.file = [&](std::string_view path, bool executable, std::uint64_t size) -> Result<void> {
        seen.listing += std::string(executable ? "x " : "f ") + std::string(path) + " " + std::to_string(size) + "\n";
        return {};
    };
    visitor.content = [&](std::string_view bytes) -> Result<void> {
        seen.content_size += bytes.size();
        return {};
    };
    visitor.symlink = [&](std::string_view path, std::string_view target) -> Result<void> {
        seen.listing += "l " + std::string(path) + " -> " + std::string(target) + "\n";
        return {};
    };
    visitor.directory = [&](std::string_view path) -> Result<void> {
        seen.listing += "d " + std::string(path) + "\n";
        return {};
    };
    NarParser parser(std::move(visitor));
    for (; !nar.empty(); nar.remove_prefix(std::min(piece, nar.size()))) TRY_VOID(parser.write(nar.substr(0, piece)));
    TRY_VOID(parser.finish());
    return seen;
}

// The golden tree, written by hand with NarWriter.
std::string write_tree() {
    NarWriter writer;
    std::string out;
    auto file = [&](std::string_view name, std::string_view content, bool executable = false) {
        writer.begin_entry(name, out);
        writer.begin_file(executable, content.size(), out);
        out += content;
        writer.end_file(content.size(), out);
        writer.end_entry(out);
    };
    auto link = [&](std::string_view name, std::string_view target) {
        writer.begin_entry(name, out);
        writer.symlink(target, out);
        writer.end_entry(out);
    };
    auto begin_directory = [&](std::string_view name) {
        writer.begin_entry(name, out);
        writer.begin_directory(out);
    };
    auto end_directory = [&] {
        writer.end_directory(out);
        writer.end_entry(out);
    };
    writer.begin_archive(out);
    writer.begin_directory(out);
    begin_directory("Großes");
    file("ñ日本.txt", "naïve\n");
    end_directory();
    file("Zebra", "Zebra");
    file("a", "a");
    file("a-b", "");
    file("a.b", "a.b");
    link("dangling", "/nowhere/ä");
    file("empty", "");
    file("run", "#!/bin/sh\necho hi\n", true);
    begin_directory("sub");
    file("eight", "12345678");
    begin_directory("empty-dir");
    end_directory();
    link("link", "../run");
    file("one", "x", true);
    end_directory();
    writer.end_directory(out);
    return out;
}

void put(std::string_view text, std::string& out) {
    for (std::size_t i = 0; i < 8; ++i) out += static_cast<char>(text.size() >> (8 * i) & 0xFF);
    out.append(text);
    out.append((8 - text.size() % 8) % 8, '\0');
}

std::string strings(std::initializer_list<std::string_view> texts) {
    std::string out;
    for (auto text : texts) put(text, out);
    return out;
}

// A directory with empty directories of these names, in this order.
std::string directory_of(std::initializer_list<std::string_view> names) {
    NarWriter writer;
    std::string out;
    writer.begin_archive(out);
    writer.begin_directory(out);
    for (auto name : names) {
        writer.begin_entry(name, out);
        writer.begin_directory(out);
        writer.end_directory(out);
        writer.end_entry(out);
    }
    writer.end_directory(out);
    return out;
}

std::string nested(std::size_t levels) {
    NarWriter writer;
    std::string out;
    writer.begin_archive(out);
    for (std::size_t i = 1; i < levels; ++i) {
        writer.begin_directory(out);
        writer.begin_entry("d", out);
    }
    writer.symlink("x", out);
    for (std::size_t i = 1; i < levels; ++i) {
        writer.end_entry(out);
        writer.end_directory(out);
    }
    return out;
}

std::string link_to(std::string_view target) {
    NarWriter writer;
    std::string out;
    writer.begin_archive(out);
    writer.symlink(target, out);
    return out;
}

std::string cause(std::string_view nar) {
    auto seen = read_nar(nar, 1'000);
    return seen ? "no failure" : seen.error().cause();
}

} // namespace

BOOST_AUTO_TEST_SUITE(nar)

BOOST_AUTO_TEST_CASE(a_tree_is_read_in_any_pieces) {
    auto nar = test::golden("nix/nar/tree.nar");
    for (std::size_t piece = 1; piece < 70; ++piece) {
        auto seen = read_nar(nar, piece).value();
        BOOST_TEST(seen.listing == "d \n"
                                   "d Großes\n"
                                   "f Großes/ñ日本.txt 7\n"
                                   "f Zebra 5\n"
                                   "f a 1\n"
                                   "f a-b 0\n"
                                   "f a.b 3\n"
                                   "l dangling -> /nowhere/ä\n"
                                   "f empty 0\n"
                                   "x run 18\n"
                                   "d sub\n"
                                   "f sub/eight 8\n"
                                   "d sub/empty-dir\n"
                                   "l sub/link -> ../run\n"
                                   "x sub/one 1\n");
        BOOST_TEST(seen.content_size == 43U);
    }
}

BOOST_AUTO_TEST_CASE(single_things_are_archives_too) {
    auto listing = [](const std::string& name) {
        return read_nar(test::golden("nix/nar/" + name + ".nar"), 1'000).value().listing;
    };
    BOOST_TEST(listing("empty-file") == "f  0\n");
    BOOST_TEST(listing("executable") == "x  18\n");
    BOOST_TEST(listing("symlink") == "l  -> ../run\n");
    BOOST_TEST(listing("empty-directory") == "d \n");
}

BOOST_AUTO_TEST_CASE(what_we_write_is_what_nix_dumps) {
    BOOST_TEST((write_tree() == test::golden("nix/nar/tree.nar")));
    NarWriter writer;
    std::string out;
    writer.begin_archive(out);
    writer.begin_file(true, 18, out);
    out += "#!/bin/sh\necho hi\n";
    writer.end_file(18, out);
    BOOST_TEST((out == test::golden("nix/nar/executable.nar")));
    BOOST_TEST((link_to("../run") == test::golden("nix/nar/symlink.nar")));
    BOOST_TEST((directory_of({}) == test::golden("nix/nar/empty-directory.nar")));
}

BOOST_AUTO_TEST_CASE(content_arrives_whole_and_in_order) {
    std::string content;
    NarVisitor visitor; // what is not of interest may be left out
    visitor.content = [&](std::string_view bytes) -> Result<void> {
        content += bytes;
        return {};
    };
    NarParser parser(std::move(visitor));
    for (char byte : test::golden("nix/nar/executable.nar"))
        BOOST_REQUIRE(parser.write(std::string_view(&byte, 1)).has_value());
    BOOST_TEST(parser.finish().has_value());
    BOOST_TEST(content == "#!/bin/sh\necho hi\n");
}

BOOST_AUTO_TEST_CASE(an_archive_that_is_one_file_is_read_at_once_and_no_other_is) {
    auto file = test::golden("nix/nar/executable.nar");
    BOOST_TEST(file_of_nar(file).value() == "#!/bin/sh\necho hi\n");
    BOOST_TEST(file_of_nar(directory_of({"a"})).error().cause() == "its store path is no file");
    BOOST_TEST(!file_of_nar(file.substr(0, file.size() - 8)).has_value());
}

BOOST_AUTO_TEST_CASE(a_visitors_failure_ends_it_for_good) {
    NarVisitor visitor;
    visitor.file = [](std::string_view, bool, std::uint64_t) -> Result<void> {
        return Failure(FailureKind::machine, "disk full");
    };
    NarParser parser(std::move(visitor));
    BOOST_TEST(parser.write(test::golden("nix/nar/executable.nar")).error().cause() == "disk full");
    BOOST_TEST(parser.write("x").error().cause() == "disk full");
    BOOST_TEST(parser.finish().error().cause() == "disk full");
}

BOOST_AUTO_TEST_CASE(names_must_be_names_and_ascend) {
    BOOST_TEST(cause(directory_of({"A", "a", "a-", "a.", "\xC3\xA4"})) == "no failure");
    BOOST_TEST(cause(directory_of({std::string(255, 'x')})) == "no failure");
    BOOST_TEST(cause(directory_of({"b", "a"})).ends_with("'a' comes after 'b', names must ascend"));
    BOOST_TEST(cause(directory_of({"a", "a"})).ends_with("'a' comes after 'a', names must ascend"));
    BOOST_TEST(cause(directory_of({"\xC3\xA4", "z"})).ends_with("names must ascend"));
    using namespace std::string_view_literals;
    for (auto name : {""sv, "."sv, ".."sv, "a/b"sv, "/"sv, "a\0b"sv})
        BOOST_TEST(cause(directory_of({name})).ends_with("cannot be the name of a file"), name);
    BOOST_TEST(cause(directory_of({std::string(256, 'x')})).ends_with("a name of 256 bytes, 255 are allowed"));
}

BOOST_AUTO_TEST_CASE(symlinks_need_a_target) {
    BOOST_TEST(cause(link_to(std::string(4095, 'x'))) == "no failure");
    BOOST_TEST(cause(link_to(std::string(4096, 'x'))).ends_with("a symlink target of 4096 bytes, 4095 are allowed"));
    BOOST_TEST(cause(link_to("")).ends_with("a symlink target that is empty or contains NUL"));
    BOOST_TEST(cause(link_to(std::string_view("a\0b", 3))).ends_with("a symlink target that is empty or contains NUL"));
}

BOOST_AUTO_TEST_CASE(nesting_has_nixs_limit) {
    BOOST_TEST(cause(nested(nar_depth_limit)) == "no failure");
    BOOST_TEST(cause(nested(nar_depth_limit + 1)).ends_with("it nests deeper than 64 levels"));
    BOOST_TEST(cause(nested(5'000)).ends_with("it nests deeper than 64 levels"));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_with_its_place) {
    BOOST_TEST(cause("") == "bad NAR: it ends too early, after 0 bytes");
    BOOST_TEST(cause(std::string("<!DOCTYPE html>")) ==
               "bad NAR, byte 0: expected 'nix-archive-1', but there is a string of 5789751444030890300 bytes");
    BOOST_TEST(cause(strings({"nix-archive-2"})) ==
               "bad NAR, byte 0: expected 'nix-archive-1', but there is 'nix-archive-2'");
    BOOST_TEST(cause(strings({"nix-archive-1", "(", "type", "fifo"})) ==
               "bad NAR, byte 56: expected 'regular', 'symlink' or 'directory', but there is 'fifo'");
    BOOST_TEST(cause(strings({"nix-archive-1", "(", "type", "regular", "executable", "x"})) ==
               "bad NAR, byte 96: expected an empty string after 'executable', but there is 'x'");
    BOOST_TEST(cause(strings({"nix-archive-1", "(", "type", "regular", "executable", "", "executable"})) ==
               "bad NAR, byte 104: expected 'contents', but there is 'executable'");
    BOOST_TEST(cause(strings({"nix-archive-1", "(", "type", "directory", "entry", "(", "name", "sub", "node", "x"})) ==
               "bad NAR, byte 160 ('sub'): expected '(', but there is 'x'");
    auto tree = test::golden("nix/nar/tree.nar");
    BOOST_TEST(cause(tree + std::string(8, '\0')) == "bad NAR, byte 2800: there is more after the archive's end");
    auto padded = test::golden("nix/nar/symlink.nar");
    padded[23] = 'x';
    BOOST_TEST(cause(padded) == "bad NAR, byte 0: the padding after this string is not zero");
}

BOOST_AUTO_TEST_CASE(a_huge_length_takes_no_memory) {
    auto file = strings({"nix-archive-1", "(", "type", "regular", "contents"}) + std::string(8, '\xff') + "data";
    BOOST_TEST(cause(file).starts_with("bad NAR: it ends too early"));
    auto name =
        strings({"nix-archive-1", "(", "type", "directory", "entry", "(", "name"}) + std::string(8, '\xff') + "x";
    BOOST_TEST(cause(name).find("a name of 18446744073709551615 bytes, 255 are allowed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_truncated_archive_is_accepted) {
    for (auto name : {"tree", "empty-file", "executable", "symlink", "empty-directory"})
        test::for_each_truncation(test::golden(std::string("nix/nar/") + name + ".nar"), [&](std::string_view prefix) {
            if (read_nar(prefix, 500).has_value()) BOOST_ERROR(name << " at " << prefix.size());
        });
}

BOOST_AUTO_TEST_CASE(a_changed_byte_crashes_nothing) {
    std::size_t refused = 0;
    test::for_each_mutation(test::golden("nix/nar/tree.nar"), 5'000, [&](std::string_view nar) {
        if (!read_nar(nar, 333).has_value()) ++refused;
    });
    BOOST_TEST(refused > 4'000U); // what remains changed a letter of a name or of a file
}

BOOST_AUTO_TEST_SUITE_END()
