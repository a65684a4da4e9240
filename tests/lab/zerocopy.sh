#!/bin/bash
# does: what the kernel copies of lent memory: all of it on loopback and veth, none to an e1000e card
# needs: leat_lab_test
# timeout: 300
set -euo pipefail

modprobe e1000e
cards=()
for folder in /sys/class/net/*/device/driver; do
  [[ $(readlink -f "$folder") == */e1000e ]] && cards+=("$(basename "${folder%/device/driver}")")
done
((${#cards[@]} == 2)) || { echo "lab: ${#cards[@]} e1000e cards, not two" >&2; exit 1; }

# lay NAMESPACE NEAR FAR NETWORK: a way between two interfaces, the far one in a namespace; in one
# namespace the kernel would take the way over loopback.
lay() {
  ip netns add "$1"
  ip link set "$3" netns "$1"
  ip addr add "$4.1/24" dev "$2"
  ip -n "$1" addr add "$4.2/24" dev "$3"
  ip link set "$2" up
  ip -n "$1" link set "$3" up
}

ip link add leat_near type veth peer name leat_far
lay leat_veth leat_near leat_far 10.77.1
lay leat_wire "${cards[0]}" "${cards[1]}" 10.77.2

# A card takes seconds until it has its link; what is sent before is lost.
for _ in {1..300}; do
  ip link show "${cards[0]}" up | grep -q LOWER_UP && break
  sleep 0.1
done

export LEAT_TEST_TIME_FACTOR=${LEAT_TEST_TIME_FACTOR:-10}
"$LEAT_BUILD_DIR/leat_lab_test" --gtest_filter=-TwoNodes.* --gtest_output=xml:/tmp/zerocopy.xml || true
"$LEAT_SOURCE_DIR/scripts/test_report" zerocopy=/tmp/zerocopy.xml
