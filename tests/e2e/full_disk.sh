#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A disk that becomes full: the run fails with the reason and leaves the disk unchanged.
. "$(dirname "$0")/lib.sh"

start_pg
sql shop "CREATE TABLE shop.noise AS
          SELECT i, string_agg(md5(random()::text), '') AS text
          FROM generate_series(1, 10000) AS i, generate_series(1, 40) AS j GROUP BY i"
start_redis 1
fill_redis "${redis_ports[1]}"
write_config

# limited COMMAND...: runs it with 4 MB of space in backups/: in a separate file system
# where possible, else with a limit of the size of each file.
if unshare -m mount -t tmpfs -o size=4m tmpfs /mnt 2>/dev/null; then
    limit="mount -t tmpfs -o size=4m,mode=700 tmpfs"
    spaces=(unshare -m)
elif unshare -rm mount -t tmpfs -o size=4m tmpfs /mnt 2>/dev/null; then
    limit="mount -t tmpfs -o size=4m,mode=700 tmpfs"
    spaces=(unshare -rm)
else
    limit="trap '' XFSZ; ulimit -f 512; :"
    spaces=()
fi
mkdir -m 700 backups
cat >inside <<END
$limit "$work/backups"
status=0
"$hangar_program" -c "$work/backup.yaml" backup || status=\$?
find "$work/backups" -mindepth 2 >"$work/left"
exit \$status
END

promise "a backup that does not fit fails with the reason"
expect_exit 1 "${spaces[@]}" bash inside
[[ ! -s out ]] || fail "an id was printed"
grep -qiE 'space|too large' err || { show_output; fail "the reason is not printed"; }

promise "the failed backup leaves nothing but the mark of the pipeline"
! grep -qv "/origin.json\$" left || fail "left: $(<left)"

promise "with free space again the next run succeeds"
make_backup
expect_exit 0 hangar verify "$id" --level full

if ((${#spaces[@]})); then
    promise "check and the alert report that the next backup does not fit"
    expect_exit 0 hangar check
    cat "$work/out" "$work/err" >output
    expect_not_in output "the next backup needs about"
    cat >inside <<END
stored=\$(du -sk "$work/backups" | cut -f 1)
mkdir "$work/disk"
mount -t tmpfs -o "size=\$((stored * 3 / 2))k,mode=700" tmpfs "$work/disk"
cp -a "$work/backups/." "$work/disk"
mount --bind "$work/disk" "$work/backups"
exec "$hangar_program" -c "$work/backup.yaml" check
END
    expect_exit 0 "${spaces[@]}" bash inside
    expect_output "the next backup needs about"
    expect_output "1 warning"
fi

if [[ $(id -u) == 0 ]]; then
    promise "a drill that does not fit fails with the reason"
    mkdir -m 711 temp
    echo "limits: { temp_dir: ./temp }" >>backup.yaml
    cat >inside <<END
mount -t tmpfs -o size=12m,mode=711 tmpfs "$work/temp"
status=0
"$hangar_program" -c "$work/backup.yaml" verify "$id" --level drill || status=\$?
ls -A "$work/temp" >"$work/left"
exit \$status
END
    expect_exit 1 unshare -m bash inside
    expect_output "No space left on device"
    expect_not_in output "removing data directory"
    [[ ! -s left ]] || fail "left: $(<left)"
fi
