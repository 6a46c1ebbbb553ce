#include "app/output_places.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace cachefill;
namespace fs = std::filesystem;

namespace {

struct Scene {
    fs::path folder = fs::temp_directory_path() / ("output-places-" + std::to_string(::getpid()));

    Scene() { fs::create_directories(folder); }
    ~Scene() { fs::remove_all(folder); }
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;

    static std::string tried(const std::string& json) {
        options::Settings settings;
        settings.json = json;
        auto can = app::try_output_places(settings);
        return can ? std::string() : can.error().one_line();
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(output_places, Scene)

BOOST_AUTO_TEST_CASE(a_place_that_takes_no_file_is_told_before_anything_is_begun) {
    BOOST_TEST(tried((folder / "nowhere/report.json").string()).find("No such file or directory") != std::string::npos);
    BOOST_TEST(tried(folder.string()).find("it is a folder") != std::string::npos);
    options::Settings settings;
    settings.junit = (folder / "nowhere/junit.xml").string();
    auto can = app::try_output_places(settings);
    BOOST_REQUIRE(!can.has_value());
    BOOST_TEST((can.error().kind() == FailureKind::machine));
    BOOST_TEST(can.error().one_line().find("--junit") != std::string::npos, can.error().one_line());
}

BOOST_AUTO_TEST_CASE(a_place_that_takes_one_is_left_as_it_is) {
    auto there = folder / "report.json";
    std::ofstream(there) << "an older one";
    for (const auto& name : {std::string(), std::string("-"), std::string("/dev/stdout"), std::string("report.json"),
                             there.string(), (folder / "new.json").string()})
        BOOST_TEST(tried(name) == "", name);
    BOOST_TEST(fs::file_size(there) == 12U);
    BOOST_TEST(!fs::exists(folder / "new.json"));
}

BOOST_AUTO_TEST_SUITE_END()
