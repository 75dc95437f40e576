#!/usr/bin/env bash
# What dpi_engine costs beside cp, tcpdump, tshark and ndpiReader, on one capture in one run. See --help.
set -euo pipefail
export LC_ALL=C

usage() {
    cat <<'END'
What dpi_engine costs beside cp, tcpdump, tshark and ndpiReader: CPU time, wall time and peak memory of whole processes.

usage: benches/compare.sh [OPTIONS] [CAPTURE]

CAPTURE is the capture to measure on. Without one, a trace is made of testdata/web.pcap: repeated until it is large
enough, each time later and with other clients, so that every flow is a new one.

  -s, --size MB          size of the trace that is made (default 512)
  -r, --rounds N         rounds; the medians are told (default 5)
      --slow-rounds N    rounds in which tshark and ndpiReader take part (default 1)
  -b, --binary PATH      the dpi_engine to measure (default: the release build, made first)
  -f, --folder PATH      where outputs and a made trace go (default: /dev/shm if there is room, else $TMPDIR or /tmp)
      --no-slow          leave out tshark and ndpiReader
  -h, --help             this

In every round all commands run one after the other, so that a slow moment slows all of them: read the ratios, not the
seconds. The capture is in the page cache, and every output is removed before the next command. CPU is user + system time.

Each of tcpdump, tshark (tshark) and ndpiReader (libndpi-bin) is used if it is installed. Peak memory needs GNU time (time).
END
}

die() {
    printf 'compare.sh: %s\n' "$1" >&2
    exit 2
}

number() {
    [[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1 takes a number from 1, not '$2'"
    printf '%s' "$2"
}

cd "$(dirname "$0")/.."
start_folder=$OLDPWD

size=512 rounds=5 slow_rounds=1 binary='' folder='' capture=''
while (($#)); do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --no-slow)
        slow_rounds=0
        shift
        ;;
    -s | --size | -r | --rounds | --slow-rounds | -b | --binary | -f | --folder)
        (($# > 1)) || die "$1 takes a value"
        case $1 in
        -s | --size) size=$(number "$1" "$2") ;;
        -r | --rounds) rounds=$(number "$1" "$2") ;;
        --slow-rounds) slow_rounds=$(number "$1" "$2") ;;
        -b | --binary) binary=$2 ;;
        -f | --folder) folder=$2 ;;
        esac
        shift 2
        ;;
    -*) die "unknown option '$1'; --help tells which there are" ;;
    *)
        [[ -z $capture ]] || die "one capture at a time"
        capture=$1
        shift
        ;;
    esac
done

# Paths are the user's, from where the script was called.
from_start() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$start_folder" "$1" ;;
    esac
}

if [[ -n $binary ]]; then
    binary=$(from_start "$binary")
else
    cargo build --quiet --release --locked
    binary=${CARGO_TARGET_DIR:-target}/release/dpi_engine
fi
[[ -x $binary ]] || die "there is no program $binary"
if [[ -n $capture ]]; then
    capture=$(from_start "$capture")
    [[ -r $capture ]] || die "cannot read $capture"
    size=$(($(stat -L -c %s -- "$capture") / 1048576 + 1))
fi

free_mib() {
    df -Pk -- "$1" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }'
}

# A made trace, an output, and half as much again for reports.
needed=$((size * 5 / 2 + 64))
if [[ -n $folder ]]; then
    folder=$(from_start "$folder")
elif [[ -d /dev/shm && -w /dev/shm ]] && (($(free_mib /dev/shm) >= needed)); then
    folder=/dev/shm
else
    folder=${TMPDIR:-/tmp}
fi
(($(free_mib "$folder") >= needed)) || die "$folder has no room for $needed MiB; --folder names another, --size makes less"
work=$(mktemp -d -- "$folder/dpi_engine-compare.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [[ -z $capture ]]; then
    capture=$work/trace.pcap
    cargo run --quiet --release --locked --example gen_pcap -- --repeat testdata/web.pcap "$size" "$capture"
fi

# The commands: a name, and the words to run. Outputs go to $work/out*.
names=() commands=()
add() {
    names+=("$1")
    shift
    commands+=("$(printf '%q ' "$@")")
}

out=$work/out
add 'cp' cp -- "$capture" "$out"
if command -v tcpdump >/dev/null; then
    # As root it would change to a user who may not write here.
    drop=()
    ((EUID)) || drop=(-Z "$(id -un)")
    add 'tcpdump -w' tcpdump "${drop[@]}" -r "$capture" -w "$out"
fi
add 'dpi_engine' "$binary" "$capture" "$out" --quiet
add 'dpi_engine --workers 1' "$binary" "$capture" "$out" --quiet --workers 1
add 'dpi_engine, rules' "$binary" "$capture" "$out" --quiet \
    --block-app YouTube --block-app TikTok --block-domain '*.example.com' --block-ip 198.18.7.0/24
add 'dpi_engine, rules, --whole-flow' "$binary" "$capture" "$out" --quiet --whole-flow \
    --block-app YouTube --block-app TikTok --block-domain '*.example.com' --block-ip 198.18.7.0/24
add 'dpi_engine, all reports' "$binary" "$capture" "$out" --quiet --json "$out.json" --flows "$out.flows"
fast=${#names[@]}
if ((slow_rounds)) && command -v ndpiReader >/dev/null; then
    add 'ndpiReader (no output)' ndpiReader -q -d -i "$capture"
fi
if ((slow_rounds)) && command -v tshark >/dev/null; then
    add 'tshark -Y … -w' tshark -r "$capture" -Y 'tls.handshake.extensions_server_name contains "youtube"' -w "$out"
fi

# The program and not the shell's own word, which knows nothing of memory.
gnu_time=$(type -P time || true)
if [[ -n $gnu_time ]] && ! "$gnu_time" -f %M true >/dev/null 2>&1; then
    gnu_time=''
fi

# Runs a command; adds its wall time, CPU time and peak memory to its figures.
measure() {
    local words wall user system rss=-
    eval "words=($2)"
    [[ -z $gnu_time ]] || words=("$gnu_time" -f %M -o "$work/rss" -- "${words[@]}")
    rm -f -- "$out" "$out".*
    local TIMEFORMAT='%3R %3U %3S'
    if ! { time "${words[@]}" </dev/null >"$work/stdout" 2>"$work/stderr"; } 2>"$work/time"; then
        printf 'compare.sh: failed: %s\n' "$2" >&2
        tail -n 5 -- "$work/stderr" >&2
        exit 1
    fi
    read -r wall user system <"$work/time"
    [[ -z $gnu_time ]] || rss=$(tail -n 1 -- "$work/rss")
    awk -v wall="$wall" -v user="$user" -v sys="$system" -v rss="$rss" \
        'BEGIN { print wall, user + sys, rss }' >>"$work/figures.$1"
}

cat -- "$capture" >/dev/null
for ((round = 0; round < rounds; round++)); do
    printf '\rround %d of %d' "$((round + 1))" "$rounds" >&2
    for ((i = 0; i < ${#names[@]}; i++)); do
        if ((i < fast || round < slow_rounds)); then
            measure "$i" "${commands[i]}"
        fi
    done
done
printf '\n' >&2

# The median of a column of figures.
median() {
    cut -d ' ' -f "$2" -- "$work/figures.$1" | sort -n | awk '
        { value[NR] = $1 }
        END {
            if (value[1] == "-") print "-"
            else print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2
        }'
}

# The first line that holds a program's version.
version() {
    "$@" 2>&1 </dev/null | grep -m 1 -E '[0-9]+\.[0-9]+' || true
}

printf '\n%s: %s bytes, medians of %s rounds (tshark, ndpiReader: %s), outputs in %s\n' \
    "$(basename -- "$capture")" "$(stat -L -c %s -- "$capture")" "$rounds" "$slow_rounds" "$folder"
printf 'machine: %s, %s CPUs, %s MiB, Linux %s, load %s\n' \
    "$(awk -F ': ' '/model name/ { print $2; exit }' /proc/cpuinfo)" "$(nproc)" \
    "$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(uname -r)" "$(cut -d ' ' -f 1 /proc/loadavg)"
printf 'versions: %s' "$(version "$binary" --version)"
printf '; %s' "$(version cp --version)"
! command -v tcpdump >/dev/null || printf '; %s' "$(version tcpdump --version)"
! command -v ndpiReader >/dev/null || printf '; ndpiReader of %s' "$(version ndpiReader -h | sed 's/^Welcome to //')"
! command -v tshark >/dev/null || printf '; %s' "$(version tshark --version)"
printf '\n\n| command | wall s | CPU s | peak RSS MiB | wall, times cp | CPU, times cp |\n'
printf '| --- | --- | --- | --- | --- | --- |\n'
cp_wall=$(median 0 1) cp_cpu=$(median 0 2)
for ((i = 0; i < ${#names[@]}; i++)); do
    awk -v name="${names[i]}" -v wall="$(median "$i" 1)" -v cpu="$(median "$i" 2)" -v rss="$(median "$i" 3)" \
        -v cp_wall="$cp_wall" -v cp_cpu="$cp_cpu" 'BEGIN {
            rss = (rss == "-") ? rss : sprintf("%.0f", rss / 1024)
            walls = (cp_wall > 0) ? sprintf("%.2f", wall / cp_wall) : "-"
            cpus = (cp_cpu > 0) ? sprintf("%.2f", cpu / cp_cpu) : "-"
            printf "| %s | %.3f | %.3f | %s | %s | %s |\n", name, wall, cpu, rss, walls, cpus
        }'
done
