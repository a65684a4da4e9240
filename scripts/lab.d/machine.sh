# shellcheck shell=bash disable=SC2154
# Part of scripts/lab: the virtual machine.

# The folder through which the guest and the host speak: `job` goes in, `status` comes out.
prepare_exchange() {
  local name
  exchange=$lab/exchange
  rm -rf "$exchange"
  mkdir -p "$exchange"
  printf '%s\n' "$checkout" >"$exchange/checkout"
  {
    printf 'job=%q\n' "$checkout/$jobs_folder/$job.sh"
    printf 'export LEAT_SOURCE_DIR=%q LEAT_BUILD_DIR=%q\n' "$checkout" "$checkout/build/$build"
    # So that LEAT_TEST_MAX_BYTES and the like reach the tests.
    for name in ${!LEAT_TEST_@}; do printf 'export %s=%q\n' "$name" "${!name}"; done
    printf 'arguments=('
    (($# == 0)) || printf '%q ' "$@"
    printf ')\n'
  } >"$exchange/job"
}

# A disk for the guest's /tmp: tmpfs, of which the guest has enough, knows no O_DIRECT.
prepare_disk() {
  disk=$lab/disk.img
  rm -f "$disk"
  truncate -s 12G "$disk"
  # Without a journal and with what can be lazy: it lives for one job.
  mkfs.ext4 -q -F -m 0 -O ^has_journal -E lazy_itable_init=1,nodiscard,root_owner=0:0 "$disk" ||
    fail "mkfs.ext4 failed on $disk"
}

# boot ARGUMENT…: runs the job with these arguments and exits with its status.
boot() {
  local share='security_model=none,multidevs=remap' machine
  prepare_exchange "$@"
  prepare_disk
  # shellcheck disable=SC2054
  machine=(
    -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 2048
    # Two nodes, each with a processor and half of the memory.
    -object memory-backend-ram,id=memory0,size=1G -numa node,nodeid=0,cpus=0,memdev=memory0
    -object memory-backend-ram,id=memory1,size=1G -numa node,nodeid=1,cpus=1,memdev=memory1
    -nodefaults -no-user-config -display none -no-reboot -serial stdio
    -kernel "$(ls "$kernel"/boot/vmlinuz-*)" -initrd "$lab/initrd.gz"
    -append 'console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0'
    -fsdev "local,id=host,path=/,readonly=on,$share"
    -device virtio-9p-pci,fsdev=host,mount_tag=host
    -fsdev "local,id=checkout,path=$checkout,readonly=on,$share"
    -device virtio-9p-pci,fsdev=checkout,mount_tag=checkout
    -fsdev "local,id=kernel,path=$kernel/lib/modules,readonly=on,$share"
    -device virtio-9p-pci,fsdev=kernel,mount_tag=kernel
    -fsdev "local,id=exchange,path=$exchange,$share"
    -device virtio-9p-pci,fsdev=exchange,mount_tag=exchange
    -drive "file=$disk,format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk
    # Two cards on one hub are a wire between them. They gather, and so can send without copying.
    -netdev hubport,id=near,hubid=1 -device e1000e,netdev=near,mac=52:54:00:12:34:01,romfile=
    -netdev hubport,id=far,hubid=1 -device e1000e,netdev=far,mac=52:54:00:12:34:02,romfile=
  )
  local began=$SECONDS status=0
  trap 'rm -f "$disk"' EXIT
  trap 'exit 130' INT
  timeout --foreground -k 5 "$limit" qemu-system-x86_64 "${machine[@]}" \
    </dev/null 2>"$lab/qemu.log" | tr -d '\r' | tee "$lab/console.log" ||
    status=${PIPESTATUS[0]}
  ((status == 124 || status == 137)) && out_of_time
  ((status == 0)) || fail "QEMU ended with $status: $(tail -n 1 "$lab/qemu.log")"
  [[ -s $exchange/status ]] ||
    fail "the guest ended before its job did; what it said: $lab/console.log"
  echo "lab: $job ended with $(cat "$exchange/status") after $((SECONDS - began)) s" >&2
  exit "$(cat "$exchange/status")"
}

out_of_time() {
  echo "lab: $job did not end within $limit s (--timeout); what it said: $lab/console.log" >&2
  exit 124
}
