#include "desktop/conditions.hpp"

#include "async/child_process.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace cachefill::desktop {

using async::Task;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

// Files of the kernel have no size of their own; a word is all we want of them.
std::string word_in(const fs::path& file) {
    auto text = read_file(file, 64U << 10);
    return text ? std::string(trim(*text)) : std::string();
}

} // namespace

bool is_on_battery(const fs::path& power_supplies) {
    bool has_mains = false, mains_online = false, discharging = false;
    std::error_code error;
    for (fs::directory_iterator entry(power_supplies, error), end; !error && entry != end; entry.increment(error)) {
        auto type = word_in(entry->path() / "type");
        if (type == "Mains" || type == "USB") {
            has_mains = has_mains || type == "Mains";
            mains_online = mains_online || word_in(entry->path() / "online") == "1";
        } else if (type == "Battery" && word_in(entry->path() / "scope") != "Device") {
            discharging = discharging || word_in(entry->path() / "status") == "Discharging";
        }
    }
    return discharging && !mains_online;
}

std::string network_fingerprint(const fs::path& process_network) {
    std::string all;
    for (const auto* name : {"route", "ipv6_route"}) {
        auto text = read_file(process_network / name, 4U << 20);
        if (!text) continue;
        // Interface, destination and gateway; further columns count uses.
        for (auto line : split(*text, '\n')) {
            auto words = split_words(line);
            for (std::size_t i = 0; i < words.size() && i < 3; ++i) all += std::string(words[i]) + " ";
            if (!words.empty()) all += std::string(words.back()) + "\n";
        }
    }
    return all;
}

bool says_metered(std::string_view answer) {
    auto words = split_words(answer);
    return words.size() == 2 && words[0] == "u" && (words[1] == "1" || words[1] == "3");
}

Task<bool> is_metered(Environment environment) {
    if (!async::find_program("busctl", environment)) co_return false;
    async::ProcessSpec spec;
    spec.arguments = {"busctl",
                      "--system",
                      "--auto-start=no",
                      "--timeout=3",
                      "get-property",
                      "org.freedesktop.NetworkManager",
                      "/org/freedesktop/NetworkManager",
                      "org.freedesktop.NetworkManager",
                      "Metered"};
    spec.environment = environment.without_our_secrets();
    auto answer = co_await async::run_process(std::move(spec), 5s);
    co_return answer && answer->status.success() && says_metered(answer->output);
}

} // namespace cachefill::desktop
