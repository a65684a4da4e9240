#!/bin/bash
# does: memory of pools, and files loaded, on the one or the other of two NUMA nodes
# needs: leat_lab_test
# timeout: 200
set -euo pipefail

export LEAT_TEST_TIME_FACTOR=${LEAT_TEST_TIME_FACTOR:-10}
"$LEAT_BUILD_DIR/leat_lab_test" --gtest_filter=TwoNodes.* --gtest_output=xml:/tmp/nodes.xml || true
"$LEAT_SOURCE_DIR/scripts/test_report" nodes=/tmp/nodes.xml
