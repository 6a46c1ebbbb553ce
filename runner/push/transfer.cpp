#include "push/transfer.hpp"

#include <algorithm>

namespace cachefill::push {

namespace {

async::Task<Result<Packer::Piece>> next_piece(Packer& packer, Transfer& transfer, async::WorkerPool& workers) {
    for (;;) {
        auto work = [&packer] { return packer.next(); };
        auto piece = co_await workers.run(std::move(work));
        if (!piece) {
            transfer.is_damaged = piece.error().kind() == FailureKind::store;
            co_return piece;
        }
        if (transfer.is_unwanted)
            co_return Failure(FailureKind::internal, transfer.path.to_string() + " is not wanted any more");
        if (piece->is_last || !piece->bytes.empty()) co_return piece;
    }
}

// Large enough for whatever a piece costs on its way, and small enough for many paths at once.
constexpr std::uint64_t usual_piece = 1 << 20;

async::Task<Result<void>> send_pieces(Transfer& transfer, cache::BinaryCache& cache, async::WorkerPool& workers,
                                      async::Limiter& memory, bool streamed) {
    auto request = transfer.request;
    if (!cache.sends_piece_by_piece()) request.part_size = std::min(request.part_size, usual_piece);
    auto reservation = std::min(request.part_size, compressed_bound(request.nar_size));
    Packer packer(request);
    std::uint64_t uploaded = 0;
    for (;;) {
        auto budget = co_await memory.acquire(reservation);
        CO_TRY(piece, co_await next_piece(packer, transfer, workers));
        budget.shrink_to(piece.bytes.size());
        if (!transfer.upload) {
            cache::UploadRequest wanted(transfer.path, request.nar_size, request.compression.method);
            wanted.mends = transfer.mends;
            wanted.described = transfer.described;
            if (streamed) wanted.streamed_nar = request.nar_hash;
            CO_TRY(upload, co_await cache.begin_upload(std::move(wanted)));
            transfer.upload = std::move(upload);
        }
        if (!piece.bytes.empty()) {
            uploaded += piece.bytes.size();
            cache::Chunk chunk(std::move(piece.bytes), std::move(budget));
            CO_TRY_VOID(co_await transfer.upload->write(std::move(chunk)));
            transfer.on_progress(uploaded);
        }
        if (piece.is_last) break;
    }
    transfer.file_hash = packer.file_hash();
    transfer.file_size = packer.file_size();
    co_return co_await transfer.upload->finish(transfer.file_hash, transfer.file_size);
}

} // namespace

async::Task<Result<void>> pack_and_upload(Transfer& transfer, cache::BinaryCache& cache, async::WorkerPool& workers,
                                          async::Limiter& memory) {
    auto sent = co_await send_pieces(transfer, cache, workers, memory, true);
    if (sent || !transfer.upload || !transfer.upload->is_wanted_whole()) co_return sent;
    transfer.upload.reset();
    co_return co_await send_pieces(transfer, cache, workers, memory, false);
}

} // namespace cachefill::push
