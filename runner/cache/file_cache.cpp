#include "cache/file_cache.hpp"

#include "base/text.hpp"
#include "cache/directory.hpp"
#include "cache/make_cache.hpp"
#include "cache/nar_checker.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/new_file.hpp"
#include "nix/realisation.hpp"

#include <cerrno>
#include <unistd.h>

namespace cachefill::cache {

namespace {

constexpr std::size_t read_size = 256 * 1024;
constexpr int reads_per_step = 32; // a piece of work for the pool, not a whole file

class FileCheck {
  public:
    static Result<FileCheck> start(const Directory& directory, const nix::NarInfo& info, std::string* kept) {
        auto place = directory.root() / info.url;
        TRY(file, directory.open_nar(info.url));
        if (!file) return errno_failure("cannot open", place, ENOENT);
        return FileCheck(std::move(place), std::move(file->descriptor), NarChecker(info, kept));
    }

    // Empty until the file has been read to its end.
    Result<std::optional<NarRemarks>> step() {
        for (int reads = 0; reads < reads_per_step; ++reads) {
            auto count = ::read(file_.get(), buffer_.data(), buffer_.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return errno_failure("cannot read", place_, errno);
            if (count == 0) {
                TRY(remarks, checker_.finish());
                return std::optional(std::move(remarks));
            }
            TRY_VOID(checker_.write(std::string_view(buffer_).substr(0, static_cast<std::size_t>(count))));
        }
        return std::optional<NarRemarks>();
    }

  private:
    FileCheck(std::filesystem::path place, FileDescriptor file, NarChecker checker)
        : place_(std::move(place)), file_(std::move(file)), checker_(std::move(checker)), buffer_(read_size, '\0') {}

    std::filesystem::path place_;
    FileDescriptor file_;
    NarChecker checker_;
    std::string buffer_;
};

class FileUpload final : public Upload {
  public:
    FileUpload(const Directory& directory, const std::optional<nix::SecretKey>& key, async::WorkerPool& workers,
               UploadRequest request)
        : directory_(directory), key_(key), workers_(workers), mends_(std::move(request.mends)) {
        nar_.compression = request.compression;
    }

    async::Task<Result<void>> write(Chunk chunk) override {
        auto work = [this, &chunk] { return append(chunk.bytes); };
        co_return co_await workers_.run(std::move(work));
    }

    async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override {
        nar_.file_hash = file_hash;
        nar_.file_size = file_size;
        auto work = [this] { return put_in_place(); };
        co_return co_await workers_.run(std::move(work));
    }

    async::Task<Result<PublishOutcome>> publish(nix::NarInfo info) override {
        auto work = [this, &info] { return publish_now(std::move(info)); };
        co_return co_await workers_.run(std::move(work));
    }

    async::Task<void> abort() override {
        auto work = [this] {
            file_.reset();
            return true;
        };
        co_await workers_.run(std::move(work));
    }

    std::string nar_url() const override { return url_; }

  private:
    Result<void> append(std::string_view bytes) {
        if (!file_) {
            TRY(created, NewFile::create(directory_.nar_directory()));
            file_.emplace(std::move(created));
        }
        written_ += bytes.size();
        TRY_VOID(file_->write(bytes));
        file_->begin_flush();
        return {};
    }

    Result<void> put_in_place() {
        if (!file_ || written_ != nar_.file_size) return wrong_size(nar_.file_size, written_);
        TRY_VOID(file_->flush());
        // A file of that name has that hash: replacing it by the same bytes also mends one that went bad.
        bool fits = mends_ && mends_->compression == nar_.compression && is_own_file(mends_->url);
        auto url = fits ? mends_->url : nar_name(nar_);
        auto place = directory_.root() / url;
        TRY_VOID(cachefill::create_directories(place.parent_path()));
        TRY_VOID(file_->rename_to(place));
        file_.reset();
        TRY_VOID(flush_directory(place.parent_path()));
        url_ = std::move(url);
        return {};
    }

    Result<PublishOutcome> publish_now(nix::NarInfo info) {
        auto place = directory_.root() / narinfo_name(info.path);
        if (mends_) return mend_now(info, place);
        TRY(record, complete_narinfo(std::move(info), nar_, key_));
        TRY(created, create_new_file(place, record.to_string()));
        return created ? PublishOutcome::published : PublishOutcome::already_there;
    }

    Result<PublishOutcome> mend_now(const nix::NarInfo& info, const std::filesystem::path& place) {
        if (auto failure = cannot_mend(*mends_, info.nar_hash, "file://" + directory_.root().string()))
            return std::move(*failure);
        bool holds = url_ == mends_->url && (!mends_->file_size || mends_->file_size == nar_.file_size) &&
                     (!mends_->file_hash || mends_->file_hash == nar_.file_hash);
        if (holds) return PublishOutcome::published;
        TRY(text, directory_.find_narinfo(info.path));
        if (!text)
            return Failure(FailureKind::not_found, "the narinfo of " + info.path.to_string() + " has just vanished");
        TRY_VOID(write_file_atomically(place, with_other_file(*text, url_, nar_)));
        return PublishOutcome::published;
    }

    const Directory& directory_;
    const std::optional<nix::SecretKey>& key_;
    async::WorkerPool& workers_;
    std::optional<nix::NarInfo> mends_;
    StoredNar nar_;
    std::optional<NewFile> file_;
    std::uint64_t written_ = 0;
    std::string url_; // once it is in its place
};

class FileCache final : public BinaryCache {
  public:
    FileCache(CacheUri uri, Credentials credentials, CacheContext context)
        : uri_(std::move(uri)), key_(std::move(credentials.signing_key)), context_(std::move(context)),
          directory_(uri_.directory) {}

    const CacheUri& uri() const override { return uri_; }

    async::Task<Result<CacheInfo>> open() override {
        auto work = [this] { return open_now(); };
        co_return co_await context_.workers.run(std::move(work));
    }

    async::Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath>) override {
        co_return Failure(FailureKind::internal, "a directory cache has no bulk query");
    }

    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override {
        auto work = [this, &path] { return get_narinfo_now(path); };
        co_return co_await context_.workers.run(std::move(work));
    }

    async::Task<Result<NarLook>> look_at_nar(nix::NarInfo info) override {
        auto work = [this, &info] { return look_now(info); };
        co_return co_await context_.workers.run(std::move(work));
    }

    async::Task<Result<NarRemarks>> check_nar(nix::NarInfo info) override {
        co_return with_context(co_await check_file(info), "checking the NAR of " + info.path.to_string());
    }

    async::Task<Result<std::unique_ptr<Upload>>> begin_upload(UploadRequest request) override {
        CO_TRY_VOID(check_signing_key(key_, uri_));
        std::unique_ptr<Upload> upload =
            std::make_unique<FileUpload>(directory_, key_, context_.workers, std::move(request));
        co_return upload;
    }

    async::Task<Result<void>> pin(std::string, nix::StorePath, int) override {
        co_return Failure(FailureKind::internal, "a directory cache has no pins");
    }

    async::Task<Result<std::string>> read_nar(nix::NarInfo info) override {
        std::string nar;
        auto checked = co_await check_file(info, &nar);
        if (!checked) co_return std::move(checked).error().with_context("reading the NAR of " + info.path.to_string());
        co_return nar;
    }

    async::Task<Result<void>> set_name(std::string name, nix::StorePath path, int) override {
        auto work = [this, &name, &path] { return set_name_now(name, path); };
        co_return co_await context_.workers.run(std::move(work));
    }

    async::Task<Result<std::optional<nix::StorePath>>> find_name(std::string name) override {
        auto work = [this, &name] { return find_name_now(name); };
        co_return co_await context_.workers.run(std::move(work));
    }

    async::Task<Result<std::optional<nix::Realisation>>> get_realisation(std::string id) override {
        auto work = [this, &id] { return get_realisation_now(id); };
        co_return co_await context_.workers.run(std::move(work));
    }

    async::Task<Result<void>> put_realisation(nix::Realisation realisation) override {
        auto work = [this, &realisation] { return put_realisation_now(std::move(realisation)); };
        co_return co_await context_.workers.run(std::move(work));
    }

  private:
    async::Task<Result<NarRemarks>> check_file(const nix::NarInfo& info, std::string* kept = nullptr) {
        auto start = [this, &info, kept] { return FileCheck::start(directory_, info, kept); };
        CO_TRY(check, co_await context_.workers.run(std::move(start)));
        for (;;) {
            auto work = [&check] { return check.step(); };
            CO_TRY(remarks, co_await context_.workers.run(std::move(work)));
            if (remarks) co_return std::move(*remarks);
        }
    }

    Result<CacheInfo> open_now() {
        if (context_.for_writing && key_) TRY_VOID(check_signing_key(key_, uri_));
        TRY(opened,
            context_.for_writing ? directory_.open_for_writing(key_, uri_.trusted) : directory_.open_for_reading());
        if (opened.made_key) key_ = std::move(opened.made_key);
        std::error_code ignored;
        was_there_ = std::filesystem::is_directory(directory_.root(), ignored);
        CacheInfo info;
        info.name = uri_.name;
        info.substituter_url = uri_.name;
        info.public_keys = std::move(opened.public_keys);
        info.permission = context_.for_writing ? Permission::write : Permission::read;
        info.priority = uri_.priority.value_or(opened.info.priority);
        info.keeps_realisations = true;
        info.notes = std::move(opened.notes);
        return info;
    }

    Result<std::optional<nix::NarInfo>> get_narinfo_now(const nix::StorePath& path) const {
        TRY(text, directory_.find_narinfo(path));
        if (!text && is_gone()) // which is no answer about one path
            return Failure(FailureKind::machine, "the directory of " + uri_.name + " is not there any more");
        if (!text) return std::optional<nix::NarInfo>();
        auto info = read_narinfo(*text, path, uri_.name);
        // What is none is not quoted: whoever named the directory need not be who may read the file.
        bool begins_as_one = text->starts_with("StorePath: ");
        bool is_none = !info && !begins_as_one && !looks_like_html(*text) && !nix::NarInfo::parse(*text);
        if (is_none)
            return Failure(FailureKind::protocol, narinfo_name(path) + " is no narinfo")
                .with_context("reading the narinfo of " + path.to_string() + " from " + uri_.name);
        if (!info) return std::move(info).error();
        return std::optional<nix::NarInfo>(*std::move(info));
    }

    // Moved away, or its disk: what was never there is an empty cache.
    bool is_gone() const {
        std::error_code error;
        auto found = std::filesystem::status(directory_.root(), error);
        return was_there_ && found.type() == std::filesystem::file_type::not_found;
    }

    Result<NarLook> look_now(const nix::NarInfo& info) const {
        FileLook file;
        auto opened = directory_.open_nar(info.url);
        if (!opened && opened.error().kind() != FailureKind::protocol) return std::move(opened).error();
        if (!opened) file.answer = opened.error().cause();
        if (!opened || !*opened) return judge(info, file);
        file.is_there = true;
        file.size = (*opened)->size;
        if (file.size > 0U) {
            file.beginning.resize(telling_bytes);
            auto count = ::pread((*opened)->descriptor.get(), file.beginning.data(), file.beginning.size(), 0);
            if (count < 0) return errno_failure("cannot read", directory_.root() / info.url, errno);
            file.beginning.resize(static_cast<std::size_t>(count));
        }
        return judge(info, file);
    }

    Result<void> set_name_now(const std::string& name, const nix::StorePath& path) const {
        auto place = directory_.root() / named_path_file(name);
        TRY_VOID(cachefill::create_directories(place.parent_path()));
        return write_file_atomically(place, path.to_string() + "\n");
    }

    Result<std::optional<nix::StorePath>> find_name_now(const std::string& name) const {
        TRY(text, directory_.find_text(named_path_file(name)));
        if (!text) return std::optional<nix::StorePath>();
        TRY(path, read_named_path(*text, name, uri_.name));
        return std::optional<nix::StorePath>(std::move(path));
    }

    Result<std::optional<nix::Realisation>> get_realisation_now(const std::string& id) const {
        TRY(text, directory_.find_text(realisation_file(id)));
        if (!text) return std::optional<nix::Realisation>();
        TRY(realisation, read_realisation(*text, id, uri_.name));
        return std::optional<nix::Realisation>(std::move(realisation));
    }

    Result<void> put_realisation_now(nix::Realisation realisation) const {
        auto place = directory_.root() / realisation_file(realisation.id);
        TRY(text, complete_realisation(std::move(realisation), key_));
        TRY_VOID(cachefill::create_directories(place.parent_path()));
        return write_file_atomically(place, text);
    }

    CacheUri uri_;
    std::optional<nix::SecretKey> key_;
    CacheContext context_;
    Directory directory_;
    bool was_there_ = false; // when it was opened
};

} // namespace

std::unique_ptr<BinaryCache> make_file_cache(CacheUri uri, Credentials credentials, CacheContext context) {
    return std::make_unique<FileCache>(std::move(uri), std::move(credentials), std::move(context));
}

} // namespace cachefill::cache
