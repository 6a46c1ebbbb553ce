#pragma once

#include "nix/path_info.hpp"
#include "push/nar_dump.hpp"
#include "trees.hpp"

#include <map>

namespace cachefill::test {

// Valid paths with real files, in a directory of their own.
class FakeStore {
  public:
    nix::StorePath add(const std::string& name, std::vector<nix::StorePath> references = {},
                       const std::string& content = "content") {
        auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, name + std::to_string(infos.size()));
        auto base_name = digest.to_nix32().substr(0, nix::hash_part_length) + "-" + name;
        auto path = nix::StorePath::parse_base_name(base_name).value();
        put_file(physical(path), content + name, 0444);
        nix::PathInfo info{.path = path,
                           .nar_hash = {},
                           .references = std::move(references),
                           .deriver = {},
                           .ultimate = true,
                           .signatures = {},
                           .content_address = {}};
        register_again(info);
        return path;
    }

    // Takes what is on disk now for right.
    void register_again(nix::PathInfo info) {
        push::NarDump dump(physical(info.path));
        codec::Hasher hasher(codec::HashAlgorithm::sha256);
        std::vector<char> block(64 * 1024);
        info.nar_size = 0;
        for (std::size_t count = block.size(); count == block.size(); info.nar_size += count) {
            count = dump.read(block).value();
            hasher.update({block.data(), count});
        }
        info.nar_hash = hasher.finish();
        infos.insert_or_assign(info.path, info);
    }

    void damage(const nix::StorePath& path) {
        auto file = physical(path);
        auto content = read_file(file).value();
        content.back() = static_cast<char>(content.back() ^ 1);
        put_file(file, content, 0644);
    }

    std::filesystem::path physical(const nix::StorePath& path) const {
        return directory_.path() / std::string(path.base_name());
    }

    std::map<nix::StorePath, nix::PathInfo> infos;

  private:
    TemporaryDirectory directory_ = TemporaryDirectory::make("fake-store").value();
};

} // namespace cachefill::test
