#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The units of systemd are right and locked up; the examples for Kubernetes and cron can
# be read, and ask for what there is.
. "$(dirname "$0")/../e2e/lib.sh"
units=$work/units
mkdir "$units"
# as installed, but for the program, which is where it was built, and the manual
for unit in "$HANGAR_BUILD"/packaging/systemd/*; do
    sed -e "s|^ExecStart=[^ ]*/hangar |ExecStart=$hangar_program |" -e '/^Documentation=/d' "$unit" \
        >"$units/${unit##*/}"
done

promise "systemd finds nothing wrong with the units"
for unit in hangar.service hangar-backup@nightly.service hangar-backup@nightly.timer; do
    file=$units/${unit/nightly/}
    [[ $unit != *@* ]] || { cp "$file" "$units/$unit"; file=$units/$unit; }
    expect_exit 0 systemd-analyze verify --man=no "$file"
    [[ ! -s err ]] || fail "$unit: $(<err)"
done

promise "their exposure is at most 1.5, and 2.1 for the one with drills"
for unit in hangar.service hangar-backup@nightly.service; do
    expect_exit 0 systemd-analyze security --offline=true "$units/$unit"
    exposure=$(sed -nE 's/.*exposure level for .*: ([0-9.]+) .*/\1/p' out)
    echo "   $unit: $exposure"
    most=1.5
    [[ $unit != hangar.service ]] || most=2.1 # namespaces, for drills
    awk -v e="$exposure" -v most="$most" 'BEGIN { exit !(e != "" && e <= most) }' || fail "$unit: $exposure"
done

promise "the daemon has time to stop its jobs, and a wrong configuration is not retried for ever"
expect_in "$units/hangar.service" TimeoutStopSec=2min
expect_in "$units/hangar.service" 'RestartPreventExitStatus=2 6 8'
expect_in "$units/hangar.service" Type=notify

promise "the example for Kubernetes is YAML with a configuration that hangar accepts"
/usr/bin/python3 - "$repository/examples/kubernetes-cronjob.yaml" >backup.yaml <<'END'
import sys
import yaml
documents = {d["kind"]: d for d in yaml.safe_load_all(open(sys.argv[1]))}
assert set(documents) == {"ConfigMap", "CronJob"}, documents.keys()
spec = documents["CronJob"]["spec"]
assert spec["concurrencyPolicy"] == "Forbid" and spec["schedule"] == "0 2 * * *"
pod = spec["jobTemplate"]["spec"]["template"]["spec"]
container = pod["containers"][0]
assert pod["restartPolicy"] == "Never" and pod["securityContext"]["runAsNonRoot"]
assert container["args"][:2] == ["-c", "/etc/hangar/backup.yaml"]
assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
assert documents["ConfigMap"]["metadata"]["name"] == pod["volumes"][0]["configMap"]["name"]
sys.stdout.write(documents["ConfigMap"]["data"]["backup.yaml"])
END
expect_exit 0 hangar plugin list # reads the configuration, and connects to nothing
expect_in backup.yaml password_credential

promise "the lines for cron call existing commands at valid times"
lines=0
while read -r minute hour day month weekday user program rest; do
    [[ $minute != \#* && $minute != MAILTO=* ]] || continue
    lines=$((lines + 1))
    [[ $user == hangar && $program == /usr/local/bin/hangar ]] || fail "cron: $user $program"
    # the same schedule, read by hangar
    sed "s|sinks: \[local\]|&\n    schedule: \"$minute $hour $day $month $weekday\"|" backup.yaml >cron.yaml
    expect_exit 0 "$hangar_program" -c cron.yaml plugin list
    command=$(sed -E 's/.*--quiet ([a-z]+).*/\1/' <<<"$rest")
    expect_exit 0 hangar help "$command"
done <"$repository/examples/cron.d-hangar"
[[ $lines == 3 ]] || fail "$lines lines"
