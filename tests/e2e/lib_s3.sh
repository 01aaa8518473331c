# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# lib_s3.sh: common functions of the end-to-end tests on S3 servers; source it after lib.sh.
#
#     start_s3 KIND           a server with a bucket `backups`, and the proxy before it
#     s3_sink NAME [OPTIONS]  a sink of a configuration, which uses the proxy:
#                             `s3_sink offsite "part_size: 5MiB"`
#     files_source NAME       a source of the files in $work/files (see tests/fault)
#     make_files COUNT SIZE   creates these files, of random bytes
#     restored                the restored files in $work/target equal $work/files
#     stored [PREFIX]         keys in the bucket, one per line
#     uploads                 unfinished multipart uploads there
: "${work:?lib.sh comes first}"

start_s3()
{
    s3_start "$1" "$work"
    s3 make-bucket backups
    s3_proxy "$work"
    (umask 077 && printf '%s' "$S3_SECRET_KEY" >"$work/s3.secret")
}

# The options of every sink on this server; a test may set `s3_endpoint`.
s3_options()
{
    printf '%s' "endpoint: \"${s3_endpoint:-http://127.0.0.1:$S3_PROXY_PORT}\", bucket: backups, " \
        "access_key_id: \"$S3_ACCESS_KEY\", secret_access_key_file: $work/s3.secret"
}

s3_sink()
{
    cat <<END
  $1:
    plugin: storage-s3
    options: { $(s3_options)${2:+, $2} }
END
}

files_source()
{
    cat <<END
  $1: { plugin: fault-files, options: { path: $work/files } }
END
}

make_files()
{
    local i
    if [[ ! -e plugins/hangar-fault-files.so ]]; then
        cp "$HANGAR_BUILD/lib/fault/hangar-fault-files.so" plugins/
        chmod 755 plugins/hangar-fault-files.so
    fi
    rm -rf files
    mkdir files
    for ((i = 1; i <= $1; i++)); do
        head -c "$2" /dev/urandom >"files/file$i"
    done
}

# write_files_config [OPTIONS]: a configuration that stores files in the bucket only.
write_files_config()
{
    cat >"$work/backup.yaml" <<END
version: 1
sources:
$(files_source data)
sinks:
$(s3_sink offsite "${1:-}")
    retention: { keep_last: 2, min_keep: 1, delete_grace: 0 }
pipelines:
  nightly: { sources: [data], sinks: [offsite] }
END
}

restored()
{
    diff -r files target >diff.out 2>&1 || { head diff.out >&2; return 1; }
}

restore_files()
{
    rm -rf target
    mkdir target
    hangar restore "${1:-latest}" "${@:2}" --set "data.path=$work/target" --yes
}

stored()
{
    s3 list backups "$@" | cut -d ' ' -f 2
}

uploads()
{
    s3 uploads backups
}
