# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3.sh: private S3 servers for tests, benchmarks and documents.  To be sourced
# by bash.  It is independent of hangar.
#
#     s3_start KIND DIR    starts a server whose files lie in DIR/s3, on free ports
#                          of 127.0.0.1, and sets and exports the variables below
#     s3_stop DIR          ends it, removes DIR/s3; harmless when there is none
#     s3_use DIR           sets the variables for a server started earlier
#     s3 COMMAND...        a small client (s3.py) that acts as their first user
#
#     s3_proxy DIR           starts a proxy before the server (tests/fault/s3proxy.py) and
#                            sets and exports S3_PROXY_PORT; s3_stop ends it
#     s3_proxy_tls DIR       the same with https; another one, which the functions below mean then
#     s3_fault [ORDER]...    sets its faults; without ORDER it makes none
#     s3_forget              sets the count of requests to 0
#     s3_requests PATTERN    the number of request lines that match (grep -E)
#
# KIND is `radosgw`, the gateway of a Ceph cluster of one node in memory, or
# `swift`, OpenStack Swift with its S3 interface.
#
#     S3_KIND S3_REGION              as above; us-east-1
#     S3_ENDPOINT S3_TLS_ENDPOINT    http and https, the same store behind both
#     S3_PORT S3_TLS_PORT            their ports
#     S3_CA_FILE                     who signed the certificate: for 127.0.0.1,
#                                    localhost, s3.localhost and *.s3.localhost
#     S3_DOMAIN                      s3.localhost: buckets are also at BUCKET.s3.localhost
#     S3_ACCESS_KEY S3_SECRET_KEY    a user who may do everything
#     S3_OTHER_ACCESS_KEY S3_OTHER_SECRET_KEY    one who may do nothing there
#
# The servers die with the shell that started them, however it ends; so do not
# start them in a subshell.  All functions print nothing but errors and return
# non-zero when they fail.

_s3_folder=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

s3()
{
    /usr/bin/python3 "$_s3_folder/s3.py" "$@"
}

s3_use()
{
    # shellcheck disable=SC1091
    . "$1/s3/env"
    export S3_KIND S3_REGION S3_ENDPOINT S3_TLS_ENDPOINT S3_PORT S3_TLS_PORT S3_CA_FILE S3_DOMAIN
    export S3_ACCESS_KEY S3_SECRET_KEY S3_OTHER_ACCESS_KEY S3_OTHER_SECRET_KEY
}

s3_stop()
{
    local base=$1/s3 file pid
    [[ -d $base ]] || return 0
    for file in "$base"/run/*.pid; do
        [[ -e $file ]] || continue
        pid=$(<"$file")
        # their data need not be saved
        ! _s3_is_ours "$pid" "$base" || kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$base"
}

s3_start()
{
    local kind=$1 base tries
    mkdir -p "$2/s3" || return 1
    base=$(cd "$2/s3" && pwd -P) || return 1
    case $base in
    *[[:space:]%]*) echo "s3.sh: spaces or percent signs in $base" >&2 && return 1 ;;
    esac
    # a port that was free may be taken a moment later
    for ((tries = 1; tries <= 3; tries++)); do
        mkdir -p "$base/run" "$base/log" && _s3_certificate "$base/tls" || return 1
        if "_s3_start_$kind" "$base" >"$base/log/start" 2>&1; then
            s3_use "$2"
            return
        fi
        ((tries < 3)) || _s3_explain "$base"
        s3_stop "$2"
    done
    return 1
}

s3_proxy()
{
    local folder=$1/s3/proxy${2:+-tls} tries
    mkdir "$folder" || return 1
    _s3_run "$1/s3" "${folder##*/}" /usr/bin/python3 "$_s3_folder/../fault/s3proxy.py" "$folder" "$S3_PORT" "${@:2}"
    for ((tries = 0; tries < 400; tries++)); do
        if [[ -e $folder/port ]]; then
            S3_PROXY_PORT=$(<"$folder/port")
            _s3_proxy_folder=$folder
            export S3_PROXY_PORT _s3_proxy_folder
            return
        fi
        sleep 0.05
    done
    cat "$1/s3/log/${folder##*/}" >&2
    return 1
}

s3_proxy_tls()
{
    s3_proxy "$1" "$1/s3/tls/cert.pem" "$1/s3/tls/key.pem"
}

s3_fault()
{
    printf '%s\n' "$@" >"$_s3_proxy_folder/orders.new" &&
        mv "$_s3_proxy_folder/orders.new" "$_s3_proxy_folder/orders"
}

s3_forget()
{
    : >"$_s3_proxy_folder/requests"
}

s3_requests()
{
    grep -cE -- "$1" "$_s3_proxy_folder/requests" || true
}

_s3_explain()
{
    local file
    echo "s3.sh: the server in $1 does not start" >&2
    for file in "$1"/log/*; do
        tail -n 12 "$file" | sed "s,^,  ${file##*/}: ," >&2
    done
}

# PID BASE: is it alive, and of this server?
_s3_is_ours()
{
    kill -0 "$1" 2>/dev/null && tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$2/"
}

# BASE NAME COMMAND...: in the background, until this shell ends.
_s3_run()
{
    local base=$1 name=$2
    shift 2
    setpriv --pdeathsig KILL "$@" </dev/null >"$base/log/$name" 2>&1 &
    echo $! >"$base/run/$name.pid"
}

# A certificate of a private authority, in folder $1.
_s3_certificate()
{
    mkdir -p "$1" && (
        cd "$1" || exit
        new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
        printf '%s\n' "subjectAltName=DNS:localhost,DNS:s3.localhost,DNS:*.s3.localhost,IP:127.0.0.1" \
            basicConstraints=CA:FALSE >extensions
        openssl req -x509 "${new_key[@]}" -days 30 -subj "/CN=an authority for tests" -keyout ca.key -out ca.pem &&
            openssl req "${new_key[@]}" -subj "/CN=localhost" -keyout key.pem -out request.pem &&
            openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
                -extfile extensions -out cert.pem
    ) >"$1/log" 2>&1 || { cat "$1/log" >&2; return 1; }
}

# BASE PORT TLS_PORT KEY SECRET OTHER_KEY OTHER_SECRET
_s3_settings()
{
    cat >"$1/env.new" <<END
S3_KIND=$kind
S3_REGION=us-east-1
S3_ENDPOINT=http://127.0.0.1:$2
S3_TLS_ENDPOINT=https://127.0.0.1:$3
S3_PORT=$2
S3_TLS_PORT=$3
S3_CA_FILE=$1/tls/ca.pem
S3_DOMAIN=s3.localhost
S3_ACCESS_KEY=$4
S3_SECRET_KEY=$5
S3_OTHER_ACCESS_KEY=$6
S3_OTHER_SECRET_KEY=$7
END
    mv "$1/env.new" "$1/env"
}

_s3_free_port()
{
    local port tries
    for ((tries = 0; tries < 50; tries++)); do
        # below the range that outgoing connections use
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

# PORT PID: waits until something listens there.
_s3_wait_for_port()
{
    local end=$((SECONDS + 40))
    until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
        kill -0 "$2" 2>/dev/null && ((SECONDS < end)) || return 1
        sleep 0.05
    done
}

# A monitor, one storage daemon whose objects are in memory, and the gateway.
_s3_start_radosgw()
{
    local base=$1 mon port tls fsid osd
    mon=$(_s3_free_port) && port=$(_s3_free_port) && tls=$(_s3_free_port) || return 1
    fsid=$(</proc/sys/kernel/random/uuid)
    osd=$(</proc/sys/kernel/random/uuid)
    mkdir "$base/mon" "$base/osd" || return 1
    _s3_ceph_conf "$base" "$fsid" "$mon" "$port" "$tls" >"$base/ceph.conf" || return 1
    local conf=(-c "$base/ceph.conf") author=(ceph-authtool "$base/keyring") end=$((SECONDS + 60))
    "${author[@]}" -C --gen-key -n mon. --cap mon 'allow *' &&
        "${author[@]}" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' &&
        "${author[@]}" --gen-key -n client.rgw --cap mon 'allow rwx' --cap osd 'allow rwx' &&
        "${author[@]}" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' &&
        monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon]" "$base/monmap" &&
        ceph-mon "${conf[@]}" -i a --mkfs --monmap "$base/monmap" --keyring "$base/keyring" || return 1
    _s3_run "$base" mon ceph-mon "${conf[@]}" -i a -f
    timeout 40 ceph "${conf[@]}" osd create "$osd" &&
        timeout 40 ceph-osd "${conf[@]}" -i 0 --mkfs --osd-uuid "$osd" || return 1
    _s3_run "$base" osd ceph-osd "${conf[@]}" -i 0 -f
    set -- HANGARTESTKEY0000001 hangar/test+secret/key=0000000000000001 \
        HANGAROTHERKEY000002 hangar/other+secret/key=000000000000002
    local user=(timeout 40 radosgw-admin "${conf[@]}" user create)
    "${user[@]}" --uid=hangar --display-name=hangar --access-key="$1" --secret-key="$2" &&
        "${user[@]}" --uid=other --display-name=other --access-key="$3" --secret-key="$4" || return 1
    _s3_run "$base" rgw radosgw "${conf[@]}" -n client.rgw -f
    _s3_wait_for_port "$port" $! && _s3_wait_for_port "$tls" $! && ((SECONDS < end)) || return 1
    _s3_settings "$base" "$port" "$tls" "$@"
}

_s3_ceph_conf() # BASE FSID MON_PORT PORT TLS_PORT
{
    cat <<END
[global]
fsid = $2
mon_host = [v2:127.0.0.1:$3]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
run_dir = $1/run
log_file = $1/log/\$name.log
admin_socket =
crash_dir = $1/run
keyring = $1/keyring
mon_data = $1/mon
osd_data = $1/osd
osd_objectstore = memstore
memstore_device_bytes = $((${S3_MEMORY_GIB:-4} << 30))
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
mon_data_avail_warn = 2
paxos_propose_interval = 0.05
[client.rgw]
rgw_frontends = beast tcp_nodelay=1 endpoint=127.0.0.1:$4 ssl_endpoint=127.0.0.1:$5 ssl_certificate=$1/tls/cert.pem ssl_private_key=$1/tls/key.pem
rgw_thread_pool_size = 64
rgw_dns_name = s3.localhost
rgw_override_bucket_index_max_shards = 1
END
}

# Swift in as many processes as it has servers; see swift_node.py.
_s3_start_swift()
{
    local base=$1 preload end=$((SECONDS + 60))
    mkdir "$base/etc" "$base/data" || return 1
    # nothing here has to survive a loss of power
    preload=$(find /usr/lib -name 'libeatmydata.so' -print -quit)
    _s3_run "$base" swift env LD_PRELOAD="$preload" PYTHONDONTWRITEBYTECODE=1 \
        /usr/bin/python3 "$_s3_folder/swift_node.py" "$base/"
    local pid=$!
    until [[ -e $base/run/ports ]]; do
        kill -0 "$pid" 2>/dev/null && ((SECONDS < end)) || return 1
        sleep 0.05
    done
    local port tls
    read -r port tls <"$base/run/ports"
    _s3_settings "$base" "$port" "$tls" test:tester testing-secret-key other:owner other-secret-key
}
