#!/usr/bin/env bash
# Runs the fuzz targets one after the other, and keeps their corpora.
#
#   fuzz/run.sh run [-n RUNS] [-t SECONDS] [TARGET...]   fuzz: so many executions, or so long, whichever is reached first; then a table
#   fuzz/run.sh refresh [TARGET...]                      make the committed corpora anew: seeds, what is there, what was found; minimised
#
# What is found goes to $FUZZ_WORK/found/TARGET, crashes to $FUZZ_WORK/crashes/TARGET, logs to $FUZZ_WORK/logs
# (FUZZ_WORK is target/fuzzing unless it is set). Needs cargo-fuzz; any toolchain will do.
set -euo pipefail
cd "$(dirname "$0")/.."

WORK=${FUZZ_WORK:-$PWD/target/fuzzing}
# Without a sanitizer: the code is safe Rust, and fifty times as fast. Debug assertions and overflow checks are on.
SANITIZER=${FUZZ_SANITIZER:-none}
# What is committed of a corpus: so many files at most, none longer than this.
MAX_CORPUS_FILES=100
MAX_CORPUS_FILE_BYTES=2048

all_targets() { (cd fuzz/fuzz_targets && ls ./*.rs | sed 's|^\./||; s|\.rs$||'); }

# Programs that were built before are taken from $FUZZ_PROGRAMS as they are.
build() {
    if [ -n "${FUZZ_PROGRAMS:-}" ]; then return; fi
    CARGO_PROFILE_RELEASE_LTO=off cargo fuzz build --sanitizer "$SANITIZER" --codegen-units 16
}

program() {
    if [ -n "${FUZZ_PROGRAMS:-}" ]; then
        echo "$FUZZ_PROGRAMS/$1"
        return
    fi
    local host
    host=$(rustc -vV | sed -n 's/^host: //p')
    echo "${CARGO_TARGET_DIR:-target}/$host/release/$1"
}

# The longest inputs that make sense, by target: captures and scripts are longer than names.
longest() {
    case $1 in
        domain_names | netbios | ranges) echo 512 ;;
        capture_* | engine_* | conversation | tls_* | dtls | quic | http* | reassembly) echo 4096 ;;
        *) echo 2048 ;;
    esac
}

# What libFuzzer says last of executions, coverage and corpus; what is not there is 0.
figure() { sed -n "s/.*$2 *\([0-9][0-9]*\).*/\1/p" "$1" | tail -n 1 | grep . || echo 0; }

run_one() {
    local target=$1 runs=$2 seconds=$3 log="$WORK/logs/$1.log" status=0
    local found="$WORK/found/$target" crashes="$WORK/crashes/$target"
    mkdir -p "$found" "$crashes" "$WORK/logs" "fuzz/corpus/$target"
    local extra=()
    if [ -d "$WORK/private/$target" ]; then extra=("$WORK/private/$target"); fi
    # So many features that weighing them takes longer than the engine does.
    if [[ $target == engine_* ]]; then extra+=(-entropic=0); fi
    TIMEFORMAT='cpu %U %S'
    { time nice -n 19 "$(program "$target")" "$found" "fuzz/corpus/$target" "${extra[@]}" \
        -runs="$runs" -max_total_time="$seconds" -max_len="$(longest "$target")" -print_final_stats=1 \
        -timeout=10 -report_slow_units=1 -rss_limit_mb=1024 -malloc_limit_mb=256 \
        -artifact_prefix="$crashes/" >"$log" 2>&1; } 2>"$log.time" || status=$?
    local executed cpu
    executed=$(figure "$log" 'stat::number_of_executed_units:')
    cpu=$(awk '/^cpu/ { print int($2 + $3) }' "$log.time")
    printf '%s %s %s %s %s %s %s %s\n' "$target" "$executed" "$cpu" "$(figure "$log" 'cov:')" "$(figure "$log" 'ft:')" \
        "$(figure "$log" 'corp:')" "$(find "$crashes" -type f -not -name "slow-unit-*" | wc -l)" "$status" >>"$WORK/runs.txt"
    printf '%-20s %11s executions, status %s\n' "$target" "$executed" "$status"
}

# Every run so far, summed up by target.
table() {
    printf '%-20s %12s %8s %8s %8s %8s %8s\n' target executions cov ft corpus crashes 'CPU s'
    sort "$WORK/runs.txt" | awk '
        { runs[$1] += $2; cpu[$1] += $3; if ($4 > cov[$1]) cov[$1] = $4; if ($5 > ft[$1]) ft[$1] = $5; corp[$1] = $6; bad[$1] = $7 }
        END { for (t in runs) { printf "%-20s %12d %8d %8d %8d %8d %8d\n", t, runs[t], cov[t], ft[t], corp[t], bad[t], cpu[t] | "sort"
              all += runs[t]; time += cpu[t]; crashes += bad[t] }
              close("sort"); printf "%-20s %12d %8s %8s %8s %8d %8d\n", "all", all, "", "", "", crashes, time }'
}

# Keeps of several folders the smallest inputs that reach together what all of them reach, up to the bounds.
refresh_one() {
    local target=$1 merged="$WORK/merged/$1" kept="fuzz/corpus/$1"
    rm -rf "$merged"
    mkdir -p "$merged" "$kept" "$WORK/found/$target" "$WORK/seeds/$target"
    "$(program "$target")" -merge=1 -max_len="$MAX_CORPUS_FILE_BYTES" -timeout=10 "$merged" "$kept" \
        "$WORK/seeds/$target" "$WORK/found/$target" >"$WORK/logs/$target.merge.log" 2>&1
    find "$kept" -type f -not -name 'regression-*' -delete
    # Where there are too many, some of every size.
    find "$merged" -type f -printf '%s %p\n' | sort -n | awk -v most="$MAX_CORPUS_FILES" '
        { path[NR] = $2 }
        END { step = NR > most ? NR / most : 1; for (n = 1; n <= NR; n += step) print path[int(n)] }' |
        xargs -r cp -t "$kept"
    printf '%-20s %6d files %8d bytes\n' "$target" "$(find "$kept" -type f | wc -l)" \
        "$(find "$kept" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')"
}

command=${1:-}
shift || true
runs=2000000
seconds=0
while getopts n:t: option; do
    case $option in
        n) runs=$OPTARG ;;
        t) seconds=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then mapfile -t targets < <(all_targets); fi

case $command in
    run)
        build
        for target in "${targets[@]}"; do run_one "$target" "$runs" "$seconds"; done
        table
        ;;
    refresh)
        build
        mkdir -p "$WORK/logs"
        cargo run --quiet --package dpi_engine_fuzz --example seeds -- "$WORK/seeds" \
            testdata/*.pcap* testdata/recorded/*.pcap rules.example.txt README.md src/catalogue/apps/*.txt
        for packer in gzip zstd lz4 xz; do
            command -v "$packer" >/dev/null || continue
            for capture in testdata/pcap_le_us.pcap testdata/recorded/portscan.pcap testdata/ng_blocks_le.pcapng; do
                { printf '\0' && "$packer" -c <"$capture"; } >"$WORK/seeds/capture_compressed/$packer-${capture##*/}"
            done
        done
        for target in "${targets[@]}"; do refresh_one "$target"; done
        du -sh fuzz/corpus
        ;;
    table) table ;;
    *)
        sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
