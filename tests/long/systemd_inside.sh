#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The steps that systemd.sh runs under its systemd, as root on a machine on which hangar was
# just installed.  The databases run on the same machine, outside the unit.
set -euo pipefail
unset "${!PG@}"
export LC_ALL=C.UTF-8 HOME=/root
# shellcheck source=../lib/pg.sh
. /repository/tests/lib/pg.sh
# shellcheck source=../lib/redis.sh
. /repository/tests/lib/redis.sh

fail()
{
    echo "FAILED: $*"
    journalctl --no-pager -n 40 -u 'hangar*' || true
    exit 1
}
promise() { echo "-- $*"; }

# wait_for SECONDS COMMAND...: waits until the command succeeds, at most SECONDS.
wait_for()
{
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || fail "not true within the limit: $*"
        sleep 0.2
    done
}

# logged TEXT: the unit has logged TEXT since the last since_now.
cursor=
since_now() { cursor=$(journalctl --no-pager -n 0 --show-cursor | sed -n 's/^-- cursor: //p'); }
journal() { journalctl --no-pager ${cursor:+--after-cursor="$cursor"} "$@"; }
logged() { journal -o cat -u hangar | grep -qF -- "$1"; }
property() { systemctl show --value -p "$2" "$1"; }
is() { [[ $(property hangar "$1") == "$2" ]]; }

# ---- a machine with databases ----

mkdir -p /var/lib/servers
PG_TCP=1 pg_start /var/lib/servers
createdb shop
psql -qX -d shop -f /repository/examples/shop/shop.sql
# A restored database may enable JIT.  The unit forbids executable memory, and JIT would make
# the statement fail.
psql -qX -d shop <<'SQL'
ALTER DATABASE shop SET jit = on;
ALTER DATABASE shop SET jit_above_cost = 0;
CREATE MATERIALIZED VIEW totals AS SELECT product, sum(quantity * 2) AS n FROM shop.order_items GROUP BY 1;
CREATE ROLE backup LOGIN PASSWORD 'of the database' IN ROLE pg_read_all_data;
ALTER ROLE backup SET lo_compat_privileges = on;
SQL
redis_start /var/lib/servers/redis --requirepass 'of the cache'
redis-cli -p "$REDIS_PORT" -a 'of the cache' --no-auth-warning </repository/examples/shop/cache.redis >/dev/null

# ---- as docs/daemon.md describes ----

useradd --system --home-dir /var/lib/hangar --shell /usr/sbin/nologin hangar
install -d -m 750 -o root -g hangar /etc/hangar
install -d -m 700 -o hangar /srv/backups
install -d -m 700 /etc/hangar/secrets
(umask 077; echo 'of the database' >/etc/hangar/secrets/app_db; echo 'of the cache' >/etc/hangar/secrets/cache)

configure() # EXTRA KEYS OF THE PIPELINE
{
    cat >/root/backup.yaml <<YAML
version: 1
limits: { nice: 5, ionice: idle }
sources:
  app_db:
    plugin: postgres
    options: { host: $PGHOST, port: $PGPORT, database: shop, user: backup, password_credential: app_db }
  cache:
    plugin: redis
    options: { host: 127.0.0.1, port: $REDIS_PORT, password_credential: cache }
transforms:
  gzip: { plugin: compress-gzip }
sinks:
  local: { plugin: storage-local, options: { path: /srv/backups }, retention: { keep_last: 3 } }
pipelines:
  nightly: { sources: [app_db, cache], transforms: [gzip], sinks: [local], $1 }
YAML
    install -m 640 -o root -g hangar /root/backup.yaml /etc/hangar/backup.yaml
}
for unit in hangar.service hangar-backup@nightly.service; do
    mkdir -p "/etc/systemd/system/$unit.d"
    cat >"/etc/systemd/system/$unit.d/override.conf" <<'UNIT'
[Service]
ReadWritePaths=/srv/backups
LoadCredential=app_db:/etc/hangar/secrets/app_db
LoadCredential=cache:/etc/hangar/secrets/cache
UNIT
done
systemctl daemon-reload

promise "the unit starts, and is ready after the configuration was read"
configure 'schedule: "* * * * *", verify: "* * * * *", drill: "* * * * *"'
systemctl enable --now hangar.service || fail "the unit does not start"
is ActiveState active || fail "$(property hangar ActiveState)"
[[ $(property hangar StatusText) == "3 schedules of 1 pipelines" ]] || fail "$(property hangar StatusText)"
pid=$(property hangar MainPID)
[[ $(stat -c %U "/proc/$pid") == hangar ]] || fail "it runs as $(stat -c %U "/proc/$pid")"
grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status" || fail "it could get new rights"
grep -q '^CapBnd:.*0000000000000000$' "/proc/$pid/status" || fail "it has capabilities"
grep -q '^Seccomp:.*2$' "/proc/$pid/status" || fail "it has all system calls"

promise "the sandboxed daemon backs up, verifies and drills, with secrets that only root can read"
for job in backup verify drill; do
    wait_for 150 logged "job=$job status="
    logged "job=$job status=done" || fail "$job did not succeed"
done
! journal -o cat -u hangar | grep -E 'level=(warn|error)' | grep -vE 'event=(schedule.skipped|alert.firing)' ||
    fail "the daemon logged a warning or an error"
drilled=$(grep -lr '"drill"' /srv/backups/nightly/*/verify/ | head -n 1)
[[ -n $drilled ]] || fail "no record of a drill"
echo "   drill: $(journal -o cat -u hangar | grep -oE 'job=drill status=done .*duration_ms=[0-9]+' | head -n 1 | grep -oE 'duration_ms=[0-9]+')"
! pgrep -u hangar '^(postgres|redis-server)' || fail "a throw-away server is left"

promise "the journal has the priority of each line"
[[ $(journal -u hangar -p 6 -o cat | grep -c event=job.end) -ge 3 ]] || fail "no lines of priority info"
[[ $(journal -u hangar -o json | grep -F event=job.end | head -n 1) == *'"PRIORITY":"6"'* ]] || fail "a line of priority info is stored without it"

promise "reload reads a new configuration, and keeps the old one when the new one is invalid"
since_now
configure 'schedule: "0 25 * * *"'
systemctl reload hangar
wait_for 90 logged daemon.reload_failed
[[ $(journal -u hangar -o json | grep -F daemon.reload_failed | head -n 1) == *'"PRIORITY":"3"'* ]] || fail "a failed reload is not logged as an error"
configure 'schedule: "0 2 * * *"'
systemctl reload hangar
wait_for 90 logged 'event=daemon.reload '
[[ $(property hangar MainPID) == "$pid" ]] || fail "the reload restarted the daemon"
[[ $(property hangar StatusText) == "1 schedules of 1 pipelines" ]] || fail "$(property hangar StatusText)"

promise "systemd kills a daemon that hangs, with its jobs, and restarts it"
cat >/etc/systemd/system/hangar.service.d/quick.conf <<'UNIT'
[Service]
WatchdogSec=2
RestartSec=1
UNIT
systemctl daemon-reload
since_now
systemctl restart hangar
pid=$(property hangar MainPID)
kill -STOP "$pid"
another() { [[ $(property hangar MainPID) != "$pid" ]] && is ActiveState active; }
wait_for 60 another
[[ $(property hangar NRestarts) == 1 ]] || fail "$(property hangar NRestarts) restarts"
journal -u hangar -o cat | grep -qi watchdog || fail "the restart was not made by the watchdog"
sleep 5 # longer than WatchdogSec: the daemon must notify the watchdog
[[ $(property hangar NRestarts) == 1 ]] || fail "the daemon does not notify the watchdog"

promise "stop ends running jobs, and the unit ends with success"
rm /etc/systemd/system/hangar.service.d/quick.conf
configure 'schedule: "* * * * *"'
systemctl daemon-reload
since_now
systemctl restart hangar
wait_for 90 logged event=backup.start
systemctl stop hangar
is Result success || fail "$(property hangar Result)"
is ExecMainStatus 0 || fail "exit status $(property hangar ExecMainStatus)"
[[ -z $(pgrep -u hangar || true) ]] || fail "processes are left: $(pgrep -au hangar)"

promise "an invalid configuration fails the start, and systemd does not retry"
configure 'schedule: "0 25 * * *"'
! systemctl start hangar 2>/dev/null || fail "the unit starts"
is ExecMainStatus 2 || fail "exit status $(property hangar ExecMainStatus)"
is ActiveState failed || fail "ActiveState is $(property hangar ActiveState)"

promise "without the daemon the timer's unit makes a backup"
configure 'schedule: "0 2 * * *"'
before=$(find /srv/backups -name manifest.json | wc -l)
systemctl start hangar-backup@nightly.service || fail "no backup: $(journalctl -n 20 -u 'hangar-backup@*')"
[[ $(property hangar-backup@nightly.service Result) == success ]] || fail "the unit of the timer failed"
find /srv/backups -name manifest.json -newer /root/backup.yaml | grep -q . || fail "no new backup ($before before)"
systemctl enable --now hangar-backup@nightly.timer
[[ $(property hangar-backup@nightly.timer NextElapseUSecRealtime) == *02:0* ]] ||
    [[ $(property hangar-backup@nightly.timer NextElapseUSecRealtime) == *02:1* ]] || fail "the timer is not due at 02:00"

promise "the exposure of the unit for backups is at most 1.5, of the daemon 2.1"
for unit in hangar.service hangar-backup@nightly.service; do
    exposure=$(systemd-analyze security "$unit" | sed -nE 's/.*exposure level for .*: ([0-9.]+) .*/\1/p')
    echo "   $unit: $exposure"
    most=1.5
    [[ $unit != hangar.service ]] || most=2.1 # namespaces, for drills
    awk -v e="$exposure" -v most="$most" 'BEGIN { exit !(e != "" && e <= most) }' || fail "$unit: $exposure"
done

pg_stop /var/lib/servers
redis_stop /var/lib/servers/redis
echo "all promises hold"
