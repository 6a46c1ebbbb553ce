#pragma once

#include "base/files.hpp"
#include "daemon/settings.hpp"
#include "event/event.hpp"
#include "nix/nar.hpp"
#include "options/settings.hpp"
#include "session/session.hpp"
#include "support/run_task.hpp"
#include "support/store_connection.hpp"

#include <fstream>
#include <functional>
#include <stdexcept>

namespace cachefill::test {

// A machine with a home of its own, a program `nix` that only tells its settings, and a store whose files lie below a
// root of their own; its paths are single files.
class Machine {
  public:
    static constexpr const char* nix_version = "2.30.1";

    explicit Machine(const std::string& more_settings = {}) {
        namespace fs = std::filesystem;
        for (const auto* name : {"home", "bin", "root/nix/store", "cache"}) fs::create_directories(path(name));
        environment.set("HOME", path("home").string());
        environment.set("PATH", path("bin").string() + ":" + Environment::of_this_process().get_or("PATH"));
        auto told = R"({"system": {"value": "x86_64-linux"}, "substituters": {"value": []}, "store": {"value": ")"
                    "unix://" +
                    path("socket").string() + "?root=" + path("root").string() + "\"}" + more_settings + "}";
        write("settings.json", told); // for a test's own nix
        write("bin/nix", std::string("#!/bin/sh\ncase \"$*\" in --version) echo 'nix (Nix) ") + nix_version +
                             "' ;; *) echo '" + told + "' ;; esac\n");
        fs::permissions(path("bin/nix"), fs::perms::owner_all);
        settings.state_directory = path("state");
    }

    std::filesystem::path path(const std::string& name) const { return directory_.path() / name; }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream file(path(name), std::ios::binary);
        if (!(file << text).flush()) throw std::runtime_error("cannot write " + path(name).string());
    }
    std::filesystem::path physical(const nix::StorePath& path) const {
        return this->path("root").string() + path.to_string();
    }

    // A path that is valid here and was built here.
    nix::StorePath add(const std::string& name, std::vector<nix::StorePath> references = {},
                       const std::string& content = "content") {
        auto path = some_path(name);
        write("root" + path.to_string(), content + name);
        infos.insert_or_assign(path, nix::PathInfo{.path = path,
                                                   .nar_hash = {},
                                                   .references = std::move(references),
                                                   .deriver = {},
                                                   .ultimate = true,
                                                   .signatures = {},
                                                   .content_address = {}});
        register_content(path, content + name);
        return path;
    }
    // What the store believes to be in it.
    void register_content(const nix::StorePath& path, std::string_view content) {
        nix::NarWriter writer;
        std::string nar, end;
        writer.begin_archive(nar);
        writer.begin_file(false, content.size(), nar);
        writer.end_file(content.size(), end);
        nar.append(content).append(end);
        infos.at(path).nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, nar);
        infos.at(path).nar_size = nar.size();
    }
    static nix::StorePath some_path(const std::string& name) {
        auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, name).to_nix32();
        return nix::StorePath::parse_base_name(digest.substr(0, nix::hash_part_length) + "-" + name).value();
    }

    // As daemon::effective_settings would have them, but for the processes.
    Result<daemon::Settings> nix_settings() const {
        auto parsed = daemon::parse_settings(read_file(path("settings.json")).value());
        if (!parsed) return parsed;
        parsed->nix_version = nix_version;
        parsed->version = nix::parse_version(std::string("nix (Nix) ") + nix_version).value();
        return parsed;
    }

    // With a session that knows this machine's Nix.
    void run(std::function<async::Task<void>(session::Session&)> body) {
        auto work = [&](async::Executor executor) -> async::Task<void> {
            session::Session session(executor, settings, environment, messages);
            auto learnt = co_await session.learn_nix();
            if (!learnt) throw std::runtime_error(learnt.error().one_line());
            co_await body(session);
        };
        run_task<void>(work);
    }

    struct Messages final : event::Sink {
        std::vector<event::Message> all;
        void on_event(const event::Event& event) override {
            if (const auto* message = std::get_if<event::Message>(&event)) all.push_back(*message);
        }
        std::string text() const {
            std::string text;
            for (const auto& message : all) text += message.text + "\n";
            return text;
        }
    };

    Environment environment;
    options::Settings settings;
    Messages messages;
    StoreConnection::Infos infos;

  private:
    TemporaryDirectory directory_ = TemporaryDirectory::make("cachefill-machine-").value();
};

} // namespace cachefill::test
