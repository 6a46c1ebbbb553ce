// The few file operations that the example fleet's builders need beyond what /bin/sh can do by itself, for sandboxes
// that hold nothing but a shell. No libc, only Linux system calls, so that the committed binary is a few KiB, runs
// everywhere and can be rebuilt byte for byte (build.sh). x86-64 only, like everything the example builds.
//
//   fleet-tool mkdir DIR...            create directories with their parents
//   fleet-tool ln TARGET LINK          create a symbolic link
//   fleet-tool chmod FILE...           make files executable
//   fleet-tool cp FROM TO              copy one regular file, with its executable bit
//   fleet-tool fill FILE KIB SEED      write pseudo-random bytes, of which about half compress away
//   fleet-tool many DIR COUNT SEED     write COUNT small files, a hundred to a directory
//   fleet-tool sleep MILLISECONDS      wait

typedef unsigned char u8;
typedef unsigned long u64;

enum {
    sys_read = 0,
    sys_write = 1,
    sys_open = 2,
    sys_close = 3,
    sys_fstat = 5,
    sys_nanosleep = 35,
    sys_exit = 60,
    sys_mkdir = 83,
    sys_symlink = 88,
    sys_chmod = 90,
    o_wronly = 1,
    o_creat = 0100,
    o_trunc = 01000,
    error_exists = -17,
    error_interrupted = -4,
    error_no_space = -28,
    stat_mode_offset = 24,
    stat_size = 144,
    path_limit = 4096,
    line_bytes = 64,
    block_bytes = 1 << 16
};

static u8 block[block_bytes];
static char path[path_limit];

static long call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static u64 length(const char* text) {
    u64 count = 0;
    while (text[count]) ++count;
    return count;
}

static int equal(const char* a, const char* b) {
    while (*a && *a == *b) ++a, ++b;
    return *a == *b;
}

static void say(const char* text) { call(sys_write, 2, (long)text, (long)length(text)); }

static void fail(const char* what, const char* subject) {
    say("fleet-tool: ");
    say(what);
    say(": ");
    say(subject);
    say("\n");
    call(sys_exit, 1, 0, 0);
    __builtin_unreachable();
}

static u64 number(const char* text) {
    u64 value = 0;
    if (!*text) fail("not a number", text);
    for (const char* at = text; *at; ++at) {
        if (*at < '0' || *at > '9') fail("not a number", text);
        value = value * 10 + (u64)(*at - '0');
    }
    return value;
}

static char* append(char* to, const char* text) {
    while (*text) {
        if (to == path + path_limit - 1) fail("path too long", path);
        *to++ = *text++;
    }
    *to = 0;
    return to;
}

static char* append_number(char* to, u64 value) {
    char digits[24];
    char* at = digits + sizeof digits - 1;
    *at = 0;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return append(to, at);
}

static long create(const char* name, long mode) {
    long file = call(sys_open, (long)name, o_wronly | o_creat | o_trunc, mode);
    if (file < 0) fail("cannot create", name);
    return file;
}

static void write_all(long file, const u8* bytes, u64 count, const char* name) {
    while (count) {
        long done = call(sys_write, file, (long)bytes, (long)count);
        if (done == error_interrupted) continue;
        if (done == error_no_space) fail("No space left on device: cannot write", name);
        if (done <= 0) fail("cannot write", name);
        bytes += done;
        count -= (u64)done;
    }
}

static void make_directories(const char* name) {
    char* at = path;
    append(path, name);
    do {
        ++at;
        while (*at && *at != '/') ++at;
        char saved = *at;
        *at = 0;
        long result = call(sys_mkdir, (long)path, 0755, 0);
        if (result < 0 && result != error_exists) fail("cannot create directory", path);
        *at = saved;
    } while (*at);
}

static u64 next_random(u64* state) {
    u64 z = *state += 0x9e3779b97f4a7c15ul; // splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebul;
    return z ^ (z >> 31);
}

// One line is half random bytes, half always the same text.
static void fill_block(u64* state, u64 bytes) {
    static const char text[] = "these bytes are always the same";
    for (u64 at = 0; at < bytes; at += line_bytes) {
        for (u64 i = 0; i < line_bytes / 2; i += 8) *(u64*)(block + at + i) = next_random(state);
        for (u64 i = 0; i < line_bytes / 2; ++i) block[at + line_bytes / 2 + i] = (u8)text[i];
    }
}

static void fill(const char* name, u64 bytes, u64 seed) {
    long file = create(name, 0644);
    while (bytes) {
        u64 part = bytes < block_bytes ? bytes : block_bytes;
        fill_block(&seed, part);
        write_all(file, block, part, name);
        bytes -= part;
    }
    call(sys_close, file, 0, 0);
}

static void many(const char* directory, u64 count, u64 seed) {
    enum { per_directory = 100, smallest = 64, spread = 28 };
    make_directories(directory);
    for (u64 i = 0; i < count; ++i) {
        char* at = append(append(path, directory), "/");
        at = append_number(at, i / per_directory);
        if (i % per_directory == 0 && call(sys_mkdir, (long)path, 0755, 0) < 0) fail("cannot create directory", path);
        at = append(at, "/file-");
        append_number(at, i);
        u64 state = seed + i;
        u64 bytes = smallest * (1 + next_random(&state) % spread);
        fill_block(&state, bytes);
        long file = create(path, 0644);
        write_all(file, block, bytes, path);
        call(sys_close, file, 0, 0);
    }
}

static void copy(const char* from, const char* to) {
    u8 status[stat_size];
    long in = call(sys_open, (long)from, 0, 0);
    if (in < 0 || call(sys_fstat, in, (long)status, 0) < 0) fail("cannot read", from);
    long out = create(to, *(unsigned*)(status + stat_mode_offset) & 0111 ? 0755 : 0644);
    for (;;) {
        long count = call(sys_read, in, (long)block, block_bytes);
        if (count == error_interrupted) continue;
        if (count < 0) fail("cannot read", from);
        if (count == 0) break;
        write_all(out, block, (u64)count, to);
    }
    call(sys_close, in, 0, 0);
    call(sys_close, out, 0, 0);
}

static void wait_milliseconds(u64 milliseconds) {
    long left[2] = {(long)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
    while (call(sys_nanosleep, (long)left, (long)left, 0) == error_interrupted) {
    }
}

static int run(int count, char** arguments) {
    const char* verb = count > 1 ? arguments[1] : "";
    int given = count - 2;
    char** rest = arguments + 2;
    if (equal(verb, "mkdir") && given >= 1) {
        for (int i = 0; i < given; ++i) make_directories(rest[i]);
    } else if (equal(verb, "ln") && given == 2) {
        if (call(sys_symlink, (long)rest[0], (long)rest[1], 0) < 0) fail("cannot link", rest[1]);
    } else if (equal(verb, "chmod") && given >= 1) {
        for (int i = 0; i < given; ++i)
            if (call(sys_chmod, (long)rest[i], 0755, 0) < 0) fail("cannot change mode", rest[i]);
    } else if (equal(verb, "cp") && given == 2) {
        copy(rest[0], rest[1]);
    } else if (equal(verb, "fill") && given == 3) {
        fill(rest[0], number(rest[1]) * 1024, number(rest[2]));
    } else if (equal(verb, "many") && given == 3) {
        many(rest[0], number(rest[1]), number(rest[2]));
    } else if (equal(verb, "sleep") && given == 1) {
        wait_milliseconds(number(rest[0]));
    } else {
        fail("bad usage", verb);
    }
    return 0;
}

__attribute__((used)) static void start(long* stack) { call(sys_exit, run((int)stack[0], (char**)(stack + 1)), 0, 0); }

__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call start\n");
