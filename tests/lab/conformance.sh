#!/bin/bash
# does: the conformance suite and the library's unit tests, with payloads of at most 2 MiB
# needs: leat_conformance_test leat_os_test leat_buffer_test leat_mechanism_test leat_transfer_test
# timeout: 1200
# More arguments are filters of GoogleTest, to run only some suites: '*Bytes*'.
set -uo pipefail

export LEAT_TEST_MAX_BYTES=${LEAT_TEST_MAX_BYTES:-$((2 << 20))}
export LEAT_TEST_TIME_FACTOR=${LEAT_TEST_TIME_FACTOR:-10}
results=/tmp/results
filter=${*:-*}
filter=${filter// /:}
export results filter
mkdir -p "$results"

# run_suite PROGRAM SUITE SHARDS SHARD: a process for each, so that one that dies takes few tests
# with it.
run_suite() {
  local name=${1#leat_} began=$SECONDS
  name=${name%_test}.${2//\//_}
  (($3 == 1)) || name+=.$4
  GTEST_TOTAL_SHARDS=$3 GTEST_SHARD_INDEX=$4 "$LEAT_BUILD_DIR/$1" --gtest_filter="$2.*" \
    --gtest_output="xml:$results/$name.xml" >"$results/$name.log" 2>&1
  local status=$?
  printf '%4d s  %s\n' $((SECONDS - began)) "$name"
  # A failed test's words are of use; one that died leaves nothing else.
  ((status == 0)) || tail -n 40 "$results/$name.log"
  echo "$name" >>"$results/names"
}
export -f run_suite

# The suites of a program, those with many tests in shards: "PROGRAM SUITE SHARDS SHARD".
suites_of() {
  "$LEAT_BUILD_DIR/$1" --gtest_list_tests --gtest_filter="$filter" | awk -v program="$1" '
    function say(shard, shards) {
      shards = int((tests + 17) / 18)
      for (shard = 0; shard < shards; ++shard) print program, suite, shards, shard
    }
    /^[^ ].*\.( |$)/ { say(); tests = 0; suite = $1; sub(/\.$/, "", suite) }
    /^  / { ++tests }
    END { say() }'
}

# The suites with parameters are called every_…; they take longest, so they go first.
for program in leat_{conformance,os,buffer,mechanism,transfer}_test; do
  suites_of "$program"
done | LC_ALL=C sort -r -k 2 | xargs -r -n 4 -P "$(nproc)" bash -c 'run_suite "$@"' _

reports=()
while read -r name; do reports+=("$name=$results/$name.xml"); done < <(sort "$results/names")
echo "largest payload: $LEAT_TEST_MAX_BYTES bytes"
"$LEAT_SOURCE_DIR/scripts/test_report" "${reports[@]}"
