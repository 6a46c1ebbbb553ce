// Reads a step's output from standard input and prints the commands that GitHub's runner would act upon, a line each.
#include "support/runner_scanner.hpp"

#include <iostream>
#include <iterator>

int main() {
    std::string output{std::istreambuf_iterator<char>(std::cin), {}};
    cachefill::test::RunnerScanner scanner;
    scanner.read(output);
    for (const auto& command : scanner.commands)
        std::cout << command.name << '\t' << command.data.substr(0, command.data.find('\n')).substr(0, 200) << '\n';
}
