/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * server: see server.h.
 */
#include "server.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "testing.h"

#define ARGUMENTS_MOST 48

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void run_server(struct server *server, const char *const *arguments)
{
    char port[16], socket_path[220];
    snprintf(port, sizeof(port), "%d", server->port);
    snprintf(socket_path, sizeof(socket_path), "%s/s", server->dir);
    const char *argv[ARGUMENTS_MOST] = {
        "redis-server", "--port",       port,        "--bind",
        "127.0.0.1",    "--unixsocket", socket_path, "--dir",
        server->dir,    "--save",       "",          "--appendonly",
        "no",           "--logfile",    "redis.log", "--enable-debug-command",
        "yes"};
    int argc = 17;
    while (*arguments && argc < ARGUMENTS_MOST - 1) {
        argv[argc++] = *arguments++;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

/* True when the server listens and has loaded its data; with a password, when it answers. */
static bool server_is_up(struct server *server)
{
    server->link = redisConnectUnix(server->socket_option + 7);
    if (!server->link || server->link->err) {
        redisFree(server->link);
        server->link = NULL;
        return false;
    }
    redisReply *reply = redisCommand(server->link, "PING");
    bool up =
        reply && (reply->type == REDIS_REPLY_STATUS || strncmp(reply->str, "LOADING", 7) != 0);
    freeReplyObject(reply);
    if (!up) {
        redisFree(server->link);
        server->link = NULL;
    }
    return up;
}

void server_start(struct server *server, const char *const *arguments)
{
    memset(server, 0, sizeof(*server));
    snprintf(server->dir, sizeof(server->dir), "%s", testing_dir());
    snprintf(server->socket_option, sizeof(server->socket_option), "socket=%s/s", server->dir);
    for (int attempt = 0; attempt < 20; attempt++) {
        server->port = free_port();
        snprintf(server->port_option, sizeof(server->port_option), "port=%d", server->port);
        server->pid = fork();
        ck_assert_int_ge(server->pid, 0);
        if (server->pid == 0) {
            run_server(server, arguments);
        }
        for (int wait = 0; wait < 3000; wait++) {
            if (server_is_up(server)) {
                return;
            }
            if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
                break; /* another process uses the port now */
            }
            usleep(10000);
        }
    }
    ck_abort_msg("redis-server does not start");
}

void server_stop(struct server *server)
{
    if (server->pid <= 0) {
        return;
    }
    redisFree(server->link);
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    memset(server, 0, sizeof(*server));
}

static redisReply *server_vask(struct server *server, const char *format, va_list args)
{
    char command[1024];
    vsnprintf(command, sizeof(command), format, args);
    const char *words[64];
    int count = 0;
    for (char *rest = NULL, *word = strtok_r(command, " ", &rest); word && count < 64;
         word = strtok_r(NULL, " ", &rest)) {
        words[count++] = strcmp(word, "''") == 0 ? "" : word;
    }
    redisReply *reply = redisCommandArgv(server->link, count, words, NULL);
    ck_assert_msg(reply != NULL, "%s: %s", words[0], server->link->errstr);
    return reply;
}

redisReply *server_ask(struct server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = server_vask(server, format, args);
    va_end(args);
    return reply;
}

void server_do(struct server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = server_vask(server, format, args);
    va_end(args);
    ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
    freeReplyObject(reply);
}

const char *server_digest(struct server *server)
{
    static char digests[2][64];
    static int turn;
    turn = !turn;
    redisReply *reply = server_ask(server, "DEBUG DIGEST");
    ck_assert_ptr_nonnull(reply->str);
    snprintf(digests[turn], sizeof(digests[turn]), "%s", reply->str);
    freeReplyObject(reply);
    return digests[turn];
}

long long server_keys(struct server *server, int db)
{
    server_do(server, "SELECT %d", db);
    redisReply *reply = server_ask(server, "DBSIZE");
    long long keys = reply->integer;
    freeReplyObject(reply);
    server_do(server, "SELECT 0");
    return keys;
}

static const char fill_script[] =
    "local n, base = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "local call = redis.call\n"
    "local function text(i, size) return string.rep('v' .. i .. ':', math.ceil(size / 4)) end\n"
    "for _, db in ipairs({0, 1, 5, 15}) do\n"
    "  call('select', db)\n"
    "  call('set', 'int8', 12) call('set', 'int16', -30000) call('set', 'int32', 2000000000)\n"
    "  call('set', 'int64', '9007199254740993') call('set', 'embedded', 'short text')\n"
    "  call('set', 'empty', '') call('set', '', 'the key without a name')\n"
    "  call('set', '4711', 'a name that is a number')\n"
    "  call('set', string.rep('long name ', 30), 'compressed name')\n"
    "  call('set', 'compressible', text(1, n * 40))\n"
    "  local all = {}\n"
    "  for i = 0, 255 do all[i + 1] = string.char(i) end\n"
    "  call('set', table.concat(all), table.concat(all)) call('set', 'a\\r\\nb\\0c', '\\0\\255')\n"
    "  for i = 1, n do\n"
    "    call('rpush', 'list', text(i, i % 50)) call('rpush', 'small list', i % 5)\n"
    "    call('sadd', 'intset', i * 1000) call('sadd', 'set', 'member ' .. i)\n"
    "    call('hset', 'hash', 'field ' .. i, text(i, i % 90))\n"
    "    call('zadd', 'zset', i / 3, 'm' .. i)\n"
    "    call('xadd', 'stream', i .. '-1', 'field', text(i, i % 30), 'other', i)\n"
    "    call('set', 'expiring ' .. i, i, 'pxat', base + 100000000 + i)\n"
    "  end\n"
    "  call('lset', 'list', 0, string.rep('plain node ', n * 20))\n"
    "  call('hset', 'small hash', 'f', 'v', 'g', 2)\n"
    "  call('zadd', 'small zset', '-inf', 'a', 1.5, 'b', 'inf', 'c')\n"
    "  call('sadd', 'one', 'x') call('pfadd', 'hyperloglog', 'a', 'b', 'c')\n"
    "  call('geoadd', 'geo', 13.361389, 38.115556, 'Palermo') call('setbit', 'bitmap', 100000, 1)\n"
    "  call('xgroup', 'create', 'stream', 'group', 0)\n"
    "  call('xgroup', 'create', 'stream', 'idle', '$')\n"
    "  call('xreadgroup', 'group', 'group', 'alice', 'count', 3, 'streams', 'stream', '>')\n"
    "  call('xreadgroup', 'group', 'group', 'bob', 'count', 2, 'streams', 'stream', '>')\n"
    "  call('xack', 'stream', 'group', '1-1')\n"
    "  call('xadd', 'emptied stream', '1-1', 'f', 'v') call('xdel', 'emptied stream', '1-1')\n"
    "  call('hset', 'expiring hash', 'f', 'v')\n"
    "  call('pexpireat', 'expiring hash', base + 200000000)\n"
    "  call('rpush', 'near', 'x') call('pexpireat', 'near', base + 60000)\n"
    "end\n";

static const char library[] = "#!lua name=mylib\n"
                              "redis.register_function('answer', function() return 42 end)";

void server_fill(struct server *server, bool small)
{
    char base[32];
    redisReply *time = server_ask(server, "TIME");
    snprintf(base, sizeof(base), "%s000", time->element[0]->str);
    freeReplyObject(time);
    redisReply *reply =
        redisCommand(server->link, "EVAL %s 0 %s %s", fill_script, small ? "6" : "1500", base);
    ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "cannot fill: %s", reply->str);
    freeReplyObject(reply);
    reply = redisCommand(server->link, "FUNCTION LOAD %s", library);
    ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "cannot load functions: %s", reply->str);
    freeReplyObject(reply);
}
