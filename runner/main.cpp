#include "app/program.hpp"

#include <string>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

int main(int argc, char** argv) {
#ifdef __GLIBC__
    // Pieces of files are as large as this and more. glibc would soon keep such blocks, by thread, once they are free;
    // given back to the system, twenty MiB less are held while a large path goes up.
    ::mallopt(M_MMAP_THRESHOLD, 512 * 1024);
#endif
    std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return cachefill::app::run_program(argc > 0 ? argv[0] : "", arguments);
}
