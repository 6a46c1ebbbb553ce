#include "session/host_list.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::session;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(host_list)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back_in_its_order) {
    std::vector<eval::TargetRef> hosts{
        {.kind = eval::TargetKind::nixos, .name = "nas", .attribute_path = {"nixosConfigurations", "nas"}},
        {.kind = eval::TargetKind::home, .name = "kim@nas", .attribute_path = {"homeConfigurations", "kim@nas"}},
        {.kind = eval::TargetKind::darwin, .name = "mac", .attribute_path = {"darwinConfigurations", "mac"}}};
    auto read = hosts_in(to_json(hosts));
    BOOST_REQUIRE(read.has_value());
    BOOST_REQUIRE(read->size() == hosts.size());
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        BOOST_TEST((*read)[i].display() == hosts[i].display());
        BOOST_TEST((*read)[i].attribute_path == hosts[i].attribute_path, boost::test_tools::per_element());
    }
    BOOST_TEST(hosts_in(json::array())->empty());
}

BOOST_AUTO_TEST_CASE(anything_else_is_no_list_of_hosts) {
    for (const auto* text :
         {"{}", "null", "[7]", R"([{"kind": "nixos", "name": "nas"}])", R"([["nixos", "nas", ["nas"]]])",
          R"([{"kind": "toaster", "name": "nas", "attribute_path": ["nas"]}])",
          R"([{"kind": "nixos", "name": 7, "attribute_path": ["nas"]}])",
          R"([{"kind": "nixos", "name": "nas", "attribute_path": "nas"}])"})
        BOOST_TEST(!hosts_in(json::parse(text)), text);
    BOOST_TEST(!hosts_in(json::parse("[", nullptr, false)));
}

BOOST_AUTO_TEST_SUITE_END()
