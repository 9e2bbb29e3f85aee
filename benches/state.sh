#!/usr/bin/env bash
# Prints rows and bytes of state, by operator, of each INSERT of a script: benches/state.sh FILBERT [SCRIPT]
set -e
filbert=${1:-target/release/filbert}
script=${2:-$(dirname "$0")/state.sql}
out=$(mktemp)
fifo=$(mktemp -u)
mkfifo "$fifo"
"$filbert" < "$fifo" > "$out" 2>&1 &
shell=$!
exec 3> "$fifo"
rm "$fifo"
cat "$script" >&3
printf '\nSHOW JOBS;\n' >&3
jobs_of() { grep -oE '^\| +[0-9a-f]{32} ' "$out" | tr -d '| ' || true; }
wanted=$(grep -c '^INSERT' "$script")
while [ "$(jobs_of | wc -l)" -lt "$wanted" ]; do
  kill -0 "$shell" 2>/dev/null || { cat "$out"; exit 1; }
  sleep 1
done
for job in $(jobs_of); do printf "DESCRIBE JOB '%s';\n" "$job" >&3; done
peak=$(grep VmHWM "/proc/$shell/status")
exec 3>&-
wait "$shell" || true
awk -F'|' 'NF == 14 && $10 + 0 > 0 {
  printf "%-25s state rows %9d  state bytes %11d  bytes per row %6.1f  %s\n", $7, $10, $11, $11 / $10, $6
}' "$out"
echo "peak memory of the process: $peak"
rm -f "$out"
