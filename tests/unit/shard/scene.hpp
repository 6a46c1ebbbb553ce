#pragma once

#include "base/files.hpp"
#include "nix/nar.hpp"
#include "nix/path_hash.hpp"
#include "nix/path_info.hpp"
#include "shard/bundle.hpp"
#include "support/store_connection.hpp"

#include <fstream>
#include <string>
#include <vector>

namespace cachefill::test {

// A store below a directory, with what a connection to its daemon would say of it.
class Store {
  public:
    // A text file, as a derivation is one.
    nix::StorePath add_text(const std::string& name, const std::string& text,
                            std::vector<nix::StorePath> references = {}) {
        std::string type = "text";
        std::sort(references.begin(), references.end());
        for (const auto& reference : references) type += ":" + reference.to_string();
        auto hash = codec::hash_bytes(codec::HashAlgorithm::sha256, text);
        auto path = nix::StorePath::parse_base_name(nix::path_hash(type, hash, name) + "-" + name).value();
        add_file(path, text, std::move(references), "text:" + hash.to_string());
        return path;
    }
    // One whose path says nothing of its content.
    nix::StorePath add_built(const std::string& name, const std::string& text) {
        auto path = nix::StorePath::parse_base_name("j4vaq5dqqcl9szjyp2rpiyv1xy419972-" + name).value();
        add_file(path, text, {}, "");
        return path;
    }

    daemon::Endpoint endpoint() const {
        daemon::Endpoint endpoint;
        endpoint.physical_root = directory_.path();
        return endpoint;
    }
    const std::filesystem::path& directory() const { return directory_.path(); }
    StoreConnection::Infos& infos() { return infos_; }

    static std::string nar_of(const std::string& text) {
        std::string nar;
        nix::NarWriter writer;
        writer.begin_archive(nar);
        writer.begin_file(false, text.size(), nar);
        nar += text;
        writer.end_file(text.size(), nar);
        return nar;
    }

  private:
    void add_file(const nix::StorePath& path, const std::string& text, std::vector<nix::StorePath> references,
                  std::string content_address) {
        auto place = endpoint().physical(path);
        std::filesystem::create_directories(place.parent_path());
        std::ofstream(place) << text;
        auto nar = nar_of(text);
        infos_.emplace(path, nix::PathInfo{.path = path,
                                           .nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, nar),
                                           .nar_size = nar.size(),
                                           .references = std::move(references),
                                           .deriver = {},
                                           .registration_time = {},
                                           .ultimate = false,
                                           .signatures = {},
                                           .content_address = std::move(content_address)});
    }

    TemporaryDirectory directory_ = TemporaryDirectory::make("shard-test").value();
    StoreConnection::Infos infos_;
};

inline const std::string some_derivation = "/nix/store/j4vaq5dqqcl9szjyp2rpiyv1xy419972-system-nas.drv";

// Of a flake with two hosts, one of which does not evaluate.
inline shard::Bundle some_bundle() {
    shard::Bundle bundle;
    bundle.run = "0123456789abcdef0123456789abcdef";
    bundle.cachefill_version = "1.2.3";
    bundle.nix_version = "2.8.0";
    bundle.commit = bundle.flake.revision = "44d3f22ccebc08cdf4ef5e5fb0f9c9a0d2a0d1a7";
    bundle.branch = "main";
    bundle.flake.url = "git+https://example.org/fleet";
    bundle.flake.source = nix::StorePath::parse_base_name("a4vaq5dqqcl9szjyp2rpiyv1xy419972-source").value();
    bundle.lock_hash = "sha256:1111111111111111111111111111111111111111111111111111";
    eval::TargetRef nas{
        .kind = eval::TargetKind::nixos, .name = "nas", .attribute_path = {"nixosConfigurations", "nas"}};
    eval::TargetRef kim{.kind = eval::TargetKind::home, .name = "kim", .attribute_path = {"homeConfigurations", "kim"}};
    bundle.hosts = {nas, kim};
    eval::EvaluatedTarget evaluated{.target = nas,
                                    .derivation = nix::StorePath::parse(some_derivation).value(),
                                    .outputs = {"out"},
                                    .system = "x86_64-linux",
                                    .nix_settings = {},
                                    .impure = true,
                                    .why_impure = "unfree",
                                    .read_by_evaluation = {},
                                    .unknown_reads = 1,
                                    .built_by_evaluation = {},
                                    .fetched_by_evaluation = {},
                                    .took = std::chrono::milliseconds(2500),
                                    .peak_memory = 7 << 20,
                                    .printed = R"({"drvPath":")" + some_derivation +
                                               R"(","outputs":["out"],"settings":null,"system":"x86_64-linux"})",
                                    .evaluated_before = false};
    evaluated.read_by_evaluation.push_back({.derivation = evaluated.derivation, .outputs = {"out"}});
    bundle.targets.push_back(
        {.target = nas, .evaluated = evaluated, .failure = {}, .position = {}, .needs_system = {}});
    bundle.targets.push_back({.target = kim,
                              .evaluated = {},
                              .failure = Failure(FailureKind::eval, "attribute 'x' missing")
                                             .with_context("evaluating home:kim")
                                             .with_hint("look there"),
                              .position = event::Position{.file = "home.nix", .line = 3, .column = 7},
                              .needs_system = "aarch64-darwin"});
    bundle.complete = R"({"cachefill_evaluation":1,"derivations":[],"hosts":[],"printed":{}})";
    return bundle;
}

} // namespace cachefill::test
