#include "unit/cache/sample.hpp"

#include "codec/encoding.hpp"
#include "nix/nar.hpp"

#include <random>

namespace cachefill::test {

Sample make_sample(const std::string& name, std::size_t size, std::vector<nix::StorePath> references) {
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937_64 random(seed);
    std::string content;
    content.reserve(size + 8);
    while (content.size() < size) {
        auto word = random();
        content.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    content.resize(size);

    std::string nar;
    nix::NarWriter writer;
    writer.begin_archive(nar);
    writer.begin_file(false, size, nar);
    nar += content;
    writer.end_file(size, nar);

    auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, name);
    auto path = nix::StorePath::parse_base_name(codec::to_nix32(digest.digest().substr(0, 20)) + "-" + name).value();
    nix::NarInfo info{.path = path,
                      .url = {},
                      .file_hash = {},
                      .file_size = {},
                      .nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, nar),
                      .nar_size = nar.size(),
                      .references = std::move(references),
                      .deriver = {},
                      .signatures = {},
                      .content_address = {}};
    return Sample(std::move(info), std::move(nar));
}

async::Task<Result<std::unique_ptr<cache::Upload>>> upload(cache::BinaryCache& target, async::Limiter& budget,
                                                           Sample sample, codec::Compression compression) {
    codec::CompressionSettings settings;
    settings.method = compression;
    settings.level = 1;
    auto compressor = codec::make_compressor(settings).value();
    std::string file;
    compressor->write(sample.nar, file).has_value();
    compressor->finish(file).has_value();

    cache::UploadRequest request(sample.info.path, sample.info.nar_size, compression);
    request.described = sample.info;
    CO_TRY(started, co_await target.begin_upload(std::move(request)));
    for (std::size_t at = 0; at < file.size(); at += chunk_size) {
        auto bytes = file.substr(at, chunk_size);
        auto permit = co_await budget.acquire(bytes.size());
        cache::Chunk chunk(std::move(bytes), std::move(permit));
        auto written = co_await started->write(std::move(chunk));
        if (!written) {
            co_await started->abort();
            co_return std::move(written).error();
        }
    }
    auto finished = co_await started->finish(codec::hash_bytes(codec::HashAlgorithm::sha256, file), file.size());
    if (!finished) {
        co_await started->abort();
        co_return std::move(finished).error();
    }
    co_return std::move(started);
}

async::Task<Result<cache::PublishOutcome>> push(cache::BinaryCache& target, async::Limiter& budget, Sample sample,
                                                codec::Compression compression) {
    CO_TRY(started, co_await upload(target, budget, sample, compression));
    co_return co_await started->publish(sample.info);
}

} // namespace cachefill::test
