#pragma once

#include <string_view>

// What others wrote goes through one of these. Each takes any bytes and ends the program where what its file promises
// does not hold; an exception that leaves one is a finding, too. One program for each under libFuzzer (fuzzer.cpp), and
// one for all of them that replays seeds (replay.cpp).
namespace cachefill::fuzz {

void answers_of_github(std::string_view input);
void answers_of_managed_caches(std::string_view input);
void answers_of_nix(std::string_view input);
void bundle(std::string_view input);
void configuration(std::string_view input);
void credential_files(std::string_view input);
void daemon(std::string_view input);
void decompress(std::string_view input);
void derivation(std::string_view input);
void evaluation_record(std::string_view input);
void foreign_text(std::string_view input);
void http(std::string_view input);
void internal_json(std::string_view input);
void manifest(std::string_view input);
void nar(std::string_view input);
void narinfo(std::string_view input);
void netrc(std::string_view input);
void nix_conf(std::string_view input);
void realisation(std::string_view input);
void reports(std::string_view input);
void s3(std::string_view input);
void spelling(std::string_view input);
void url(std::string_view input);
void workflow_commands(std::string_view input);
void workflow_files(std::string_view input);

} // namespace cachefill::fuzz
