/* A disk that fails, for the one process that is started with this in LD_PRELOAD.
 *
 * What lies below the folder METALAYER_DISK is on that disk. It is full while a file METALAYER_DISK.full exists: of what is written the
 * first half gets there, as on a real one. It is read-only while METALAYER_DISK.read-only exists. A file system of its own would need
 * rights that a user in a container does not have. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
/* Less than this is written whole or not at all. */
#define HALVED_MIN 256

static int is(const char *state) {
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%s.%s", getenv("METALAYER_DISK"), state);
    return access(file, F_OK) == 0;
}

static int is_on_disk(const char *path) {
    const char *disk = getenv("METALAYER_DISK");
    return disk && strncmp(path, disk, strlen(disk)) == 0 && path[strlen(disk)] == '/';
}

static int is_open_on_disk(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_on_disk(path);
}

/* How many of `size` bytes may be written; none: errno says why. */
static size_t room(int fd, size_t size) {
    if (!is_open_on_disk(fd)) return size;
    if (is("read-only")) { errno = EROFS; return 0; }
    if (!is("full")) return size;
    if (size >= HALVED_MIN) return size / 2;
    errno = ENOSPC;
    return 0;
}

ssize_t write(int fd, const void *from, size_t size) {
    size_t fits = room(fd, size);
    return fits || !size ? REAL(write)(fd, from, fits) : -1;
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    size_t fits = room(fd, size);
    return fits || !size ? REAL(pwrite64)(fd, from, fits, at) : -1;
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { return pwrite64(fd, from, size, at); }

ssize_t writev(int fd, const struct iovec *from, int count) {
    return room(fd, HALVED_MIN - 1) ? REAL(writev)(fd, from, count) : -1;
}

int fallocate(int fd, int mode, off_t at, off_t size) { return room(fd, 1) ? REAL(fallocate)(fd, mode, at, size) : -1; }
int fallocate64(int fd, int mode, off64_t at, off64_t size) {
    return room(fd, 1) ? REAL(fallocate64)(fd, mode, at, size) : -1;
}

static int is_refused(const char *path) {
    if (!is_on_disk(path) || !is("read-only")) return 0;
    errno = EROFS;
    return 1;
}

#define OPEN(name)                                                                         \
    int name(const char *path, int flags, ...) {                                           \
        va_list rest;                                                                      \
        va_start(rest, flags);                                                             \
        int creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;               \
        mode_t mode = creates ? va_arg(rest, mode_t) : 0;                                  \
        va_end(rest);                                                                      \
        if ((flags & O_ACCMODE) != O_RDONLY && is_refused(path)) return -1;                \
        return REAL(name)(path, flags, mode);                                              \
    }
OPEN(open)
OPEN(open64)

int mkdir(const char *path, mode_t mode) { return is_refused(path) ? -1 : REAL(mkdir)(path, mode); }
int rename(const char *from, const char *to) { return is_refused(to) ? -1 : REAL(rename)(from, to); }
int unlink(const char *path) { return is_refused(path) ? -1 : REAL(unlink)(path); }
