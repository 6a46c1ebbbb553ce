#include "push/publish_gate.hpp"

#include <boost/test/unit_test.hpp>

using cachefill::push::PublishGate;
using Ids = std::vector<PublishGate::Id>;

namespace {

// base <- library <- program, and base <- program
struct Chain {
    PublishGate gate;
    PublishGate::Id base = gate.insert(), library = gate.insert(), program = gate.insert();
    Chain() {
        gate.set_references(program, {library, base});
        gate.set_references(library, {base});
        gate.set_references(base, {});
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(publish_gate, Chain)

BOOST_AUTO_TEST_CASE(a_path_opens_for_upload_when_its_references_have_begun) {
    BOOST_TEST(gate.take_opened() == Ids{base});
    gate.begin(base);
    BOOST_TEST(gate.take_opened() == Ids{library});
    BOOST_TEST(!gate.may_publish(library));
    gate.begin(library);
    BOOST_TEST(gate.take_opened() == Ids{program});
}

BOOST_AUTO_TEST_CASE(a_path_opens_for_publication_when_its_references_are_served) {
    gate.begin(base);
    gate.begin(library);
    gate.take_opened();
    gate.serve(base);
    BOOST_TEST(gate.take_opened() == Ids{library});
    BOOST_TEST(gate.may_publish(library));
    BOOST_TEST(!gate.may_publish(program));
    gate.serve(library);
    BOOST_TEST(gate.may_publish(program));
}

BOOST_AUTO_TEST_CASE(nothing_may_begin_before_its_references_are_known) {
    auto unknown = gate.insert();
    BOOST_TEST(gate.take_opened() == Ids{base});
    BOOST_TEST(!gate.may_publish(unknown));
    gate.set_references(unknown, {});
    BOOST_TEST(gate.take_opened() == Ids{unknown});
}

BOOST_AUTO_TEST_CASE(what_is_served_elsewhere_counts_as_begun) {
    gate.take_opened();
    gate.serve(base);
    BOOST_TEST((gate.take_opened() == Ids{library, library})); // for upload, and for publication
    BOOST_TEST(gate.may_publish(library));
}

BOOST_AUTO_TEST_CASE(what_is_lost_takes_along_all_that_depends_on_it_once) {
    BOOST_TEST(gate.lose(base) == (Ids{program, library}), boost::test_tools::per_element());
    BOOST_TEST(gate.lose(base).empty());
    gate.begin(library); // too late
    BOOST_TEST(gate.take_opened() == Ids{base});
    auto late = gate.insert();
    BOOST_TEST((gate.set_references(late, {program}) == program));
}

BOOST_AUTO_TEST_CASE(what_does_not_depend_on_it_is_not_lost) {
    BOOST_TEST(gate.lose(program).empty());
    gate.take_opened();
    gate.begin(base);
    BOOST_TEST(gate.take_opened() == Ids{library});
}

BOOST_AUTO_TEST_SUITE_END()
