#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_big.sh [MIB]: backup and restore of a large stream stay within the memory budget, also
# with two stores at once.
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"
mib=${1:-300}
budget_mib=64
# code, libraries (TLS among them), stacks of threads
overhead_mib=32

S3_MEMORY_GIB=$((mib * 3 / 1024 + 2)) start_s3 radosgw
make_files 1 1000
truncate -s "${mib}M" files/long
printf 'the end' >>files/long
cat >backup.yaml <<END
version: 1
limits: { memory: ${budget_mib}MiB }
sources:
$(files_source data)
sinks:
$(s3_endpoint=$S3_ENDPOINT s3_sink one "prefix: one")
$(s3_endpoint=$S3_TLS_ENDPOINT s3_sink two "prefix: two, ca_file: $S3_CA_FILE")
pipelines:
  single: { sources: [data], sinks: [one] }
  both: { sources: [data], sinks: [one, two] }
END

# within WHAT COMMAND...: the command succeeds within the budget.
within()
{
    local what=$1 most=$((budget_mib + overhead_mib)) peak
    shift
    # stacks count with their full size there, but are used in part
    expect_exit 0 python3 "$e2e/peak.py" peak "$((most + 16))" "$hangar_program" -c backup.yaml "$@"
    peak=$(($(<peak) / 1024))
    printf '   %-24s %4d MiB\n' "$what" "$peak"
    ((peak <= most)) || fail "$what: $peak MiB, more than $most"
}

promise "$mib MiB, budget $budget_mib MiB and $overhead_mib MiB for the program itself"
within "to one store" backup single
single=$(<out)
within "to two, one by https" backup both
both=$(<out)
within "verify" verify "$single" --pipeline single --level full
within "verify by https" verify "$both" --pipeline both --level full --from two
mkdir target
within "restore" restore "$both" --pipeline both --from two --set "data.path=$work/target" --yes
restored || fail "the restored data differs"
