#include "base/files.hpp"
#include "eval/memory.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::eval;

namespace {

constexpr std::uint64_t mebibyte = 1ULL << 20;

// /proc and /sys as files, 8 GiB available to begin with.
struct Machine {
    TemporaryDirectory directory = TemporaryDirectory::make("eval-memory").value();

    Machine() { file("proc/meminfo", "MemTotal:       16777216 kB\nMemAvailable:    8388608 kB\n"); }
    void file(const std::string& path, const std::string& content) const {
        auto full = directory.path() / path;
        std::filesystem::create_directories(full.parent_path());
        std::ofstream(full) << content;
    }
    void group_2(const std::string& path, const std::string& limit, std::uint64_t usage, std::uint64_t inactive) const {
        auto base = "sys/fs/cgroup/" + path;
        file(base + "/memory.max", limit + "\n");
        file(base + "/memory.current", std::to_string(usage) + "\n");
        file(base + "/memory.stat", "anon 1\ninactive_file " + std::to_string(inactive) + "\n");
    }
    std::uint64_t available() const { return available_memory(directory.path()).value() / mebibyte; }
};

} // namespace

BOOST_AUTO_TEST_SUITE(memory)

BOOST_AUTO_TEST_CASE(without_limits_it_is_what_the_kernel_says) {
    Machine machine;
    BOOST_TEST(machine.available() == 8192U);
    machine.file("proc/self/cgroup", "0::/user.slice\n");
    machine.group_2("user.slice", "max", 900 * mebibyte, 0);
    BOOST_TEST(machine.available() == 8192U);
}

BOOST_AUTO_TEST_CASE(a_cgroup_limit_counts_and_its_page_cache_does_not) {
    Machine machine;
    machine.file("proc/self/cgroup", "0::/a/b\n");
    machine.group_2("a/b", std::to_string(2048 * mebibyte), 1500 * mebibyte, 500 * mebibyte);
    BOOST_TEST(machine.available() == 1048U);
}

BOOST_AUTO_TEST_CASE(a_limit_further_up_counts_as_well) {
    Machine machine;
    machine.file("proc/self/cgroup", "0::/a/b\n");
    machine.group_2("a/b", "max", mebibyte, 0);
    machine.group_2("a", std::to_string(512 * mebibyte), 500 * mebibyte, 0);
    BOOST_TEST(machine.available() == 12U);
    machine.group_2("a", std::to_string(512 * mebibyte), 600 * mebibyte, 0);
    BOOST_TEST(machine.available() == 0U);
}

BOOST_AUTO_TEST_CASE(in_a_container_the_mount_point_is_the_group) {
    Machine machine;
    machine.file("proc/self/cgroup", "0::/docker/0123456789\n");
    machine.group_2("", std::to_string(1024 * mebibyte), 24 * mebibyte, 0);
    BOOST_TEST(machine.available() == 1000U);
}

BOOST_AUTO_TEST_CASE(version_1_counts_too) {
    Machine machine;
    machine.file("proc/self/cgroup", "12:cpu,cpuacct:/x\n5:memory:/job\n0::/\n");
    machine.file("sys/fs/cgroup/memory/job/memory.limit_in_bytes", std::to_string(700 * mebibyte));
    machine.file("sys/fs/cgroup/memory/job/memory.usage_in_bytes", std::to_string(300 * mebibyte));
    machine.file("sys/fs/cgroup/memory/job/memory.stat", "total_inactive_file " + std::to_string(100 * mebibyte));
    machine.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
    machine.file("sys/fs/cgroup/memory/memory.usage_in_bytes", "1");
    BOOST_TEST(machine.available() == 500U);
}

BOOST_AUTO_TEST_CASE(without_proc_nothing_is_known) {
    auto empty = TemporaryDirectory::make("eval-memory").value();
    BOOST_TEST(!available_memory(empty.path()));
}

BOOST_AUTO_TEST_CASE(a_process_that_lives_has_a_size_and_one_that_does_not_has_none) {
#ifdef __linux__
    BOOST_TEST(resident_memory(::getpid()) > mebibyte);
#endif
    BOOST_TEST(resident_memory(-1) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
