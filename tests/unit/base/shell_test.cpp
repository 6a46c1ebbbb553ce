#include "base/shell.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <vector>

using namespace cachefill;

BOOST_AUTO_TEST_SUITE(base_shell)

BOOST_AUTO_TEST_CASE(what_needs_no_quotes_has_none) {
    for (const auto* word : {".", "./hosts", "/etc/nixos", ".#nas", "github:o/r", "--cores=2", "kim@desk", "nixos:nas",
                             "/nix/store/0123-a+b,c", "100%"})
        BOOST_TEST(shell_word(word) == word);
}

BOOST_AUTO_TEST_CASE(every_word_comes_back_from_a_real_shell_as_it_was) {
    const std::vector<std::string> words{"",         "a b",   "it's",
                                         "$HOME",    "`id`",  "a;b|c&d",
                                         "~/nix",    "#a",    "=ls",
                                         "*",        "!x",    "\"q\"",
                                         "back\\sl", "{a,b}", "git+file:///x?dir=y&ref=z",
                                         "a\nb",     "-",     "\xc3\xa4\xc3\xb6",
                                         "(x)",      "<y>"};
    for (const auto& word : words) {
        auto command = "printf %s " + shell_word(word);
        std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
        std::string back;
        for (int c; (c = std::fgetc(pipe.get())) != EOF;) back += static_cast<char>(c);
        BOOST_TEST(back == word);
    }
    BOOST_TEST(shell_command(std::vector<std::string>{"nh", "os", "switch", "my flake"}) == "nh os switch 'my flake'");
}

BOOST_AUTO_TEST_CASE(a_word_with_a_secret_is_known) {
    for (const auto* word :
         {"https://kim:geheim@cache.example/x", "--cache=https://token@cache.example", "https://x.example/a?token=abc",
          "git+https://x.example/a?dir=b&access_token=abc", "ssh://kim:geheim@host/x", "kim:geheim@host/a",
          "https://x.example/a?X-Amz-Signature=12#box", "https://x.example/a?geheim",
          "https://x.example/a?ref=a&geheim"})
        BOOST_TEST(holds_secret(word), word);
    for (const auto* word :
         {".", "file:///tmp/cache", "https://cache.example/x?priority=3", "a?token=b",
          "git+ssh://git@github.com/o/r?ref=main", "git+file:///home/kim/fleet?dir=sub#box", "cachix://team",
          "https://x.example/a?token=", "github:o/r", "home:kim@desk", "kim@desk", "git@host:kim/nix"})
        BOOST_TEST(!holds_secret(word), word);
}

BOOST_AUTO_TEST_SUITE_END()
