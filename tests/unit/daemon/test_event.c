/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * event, systemd: listeners and the service manager are notified.
 */
#include "event.h"

#include "systemd.h"
#include "suite.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static const struct daemon_event full = {.name = "job.end", .duration_ms = 1500, .message = "a"};

static void event_count(void *arg, const struct daemon_event *event)
{
    ck_assert_ptr_eq(event, &full);
    ++*(int *)arg;
}

START_TEST(each_listener_is_notified)
{
    struct daemon_listeners listeners = {.count = 0};
    int a = 0, b = 0;
    daemon_listeners_notify(&listeners, &full);
    daemon_listeners_add(&listeners, event_count, &a);
    daemon_listeners_add(&listeners, event_count, &b);
    daemon_listeners_notify(&listeners, &full);
    ck_assert(a == 1 && b == 1);
}
END_TEST

/* The datagram that arrives at a socket of this address; "" for none. */
static const char *event_notified(const char *address, socklen_t length)
{
    static char text[600];
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    memcpy(un.sun_path, address, length);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&un,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    daemon_systemd_notify("READY=1\nSTATUS=%d", 5);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ssize_t n = poll(&ready, 1, 0) > 0 ? recv(fd, text, sizeof(text) - 1, 0) : 0;
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return text;
}

START_TEST(the_service_manager_is_notified_by_path_and_by_name)
{
    char path[128], name[64];
    unsetenv("NOTIFY_SOCKET");
    daemon_systemd_notify("READY=1"); /* no socket is named */
    snprintf(path, sizeof(path), "%s/socket", folder_path);
    setenv("NOTIFY_SOCKET", path, 1);
    ck_assert_str_eq(event_notified(path, (socklen_t)strlen(path)), "READY=1\nSTATUS=5");
    daemon_systemd_notify("READY=1"); /* the socket is gone */
    int length = snprintf(name, sizeof(name), "@hangar-test-%d", (int)getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    name[0] = '\0';
    ck_assert_str_eq(event_notified(name, (socklen_t)length), "READY=1\nSTATUS=5");
    setenv("NOTIFY_SOCKET", "relative", 1);
    daemon_systemd_notify("READY=1");
}
END_TEST

START_TEST(the_watchdog_interval_is_half_of_the_limit)
{
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    ck_assert_int_eq(daemon_systemd_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    ck_assert_int_eq(daemon_systemd_watchdog_ms(), 15000);
    setenv("WATCHDOG_PID", "1", 1);
    ck_assert_int_eq(daemon_systemd_watchdog_ms(), 0);
    char pid[32];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    ck_assert_int_eq(daemon_systemd_watchdog_ms(), 15000);
    setenv("WATCHDOG_USEC", "junk", 1);
    ck_assert_int_eq(daemon_systemd_watchdog_ms(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_listener_is_notified,
        the_service_manager_is_notified_by_path_and_by_name,
        the_watchdog_interval_is_half_of_the_limit,
    };
    return SUITE_RUN("event", tests, folder_setup, folder_teardown);
}
