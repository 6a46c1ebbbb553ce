#include "app/program.hpp"

#include <string>
#include <vector>

int main(int argc, char** argv) {
    std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return cachefill::app::run_program(argc > 0 ? argv[0] : "", arguments);
}
