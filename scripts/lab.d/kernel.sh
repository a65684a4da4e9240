# shellcheck shell=bash disable=SC2154
# Part of scripts/lab: the kernel and the initial file system that finds the host's files.

# What /init needs before it can see any of the kernel's modules.
first_modules=(virtio_pci virtio_blk 9pnet_virtio 9p overlay ext4)

# Sets `kernel` (where `package` is unpacked) and `version`.
find_kernel() {
  local depends meant
  depends=$(apt-cache depends "$package" 2>/dev/null) && [[ -n $depends ]] ||
    fail "apt does not know $package; run: apt-get update (as root)"
  # linux-image-amd64 is empty, and depends on the current one.
  meant=$(awk '$1 == "Depends:" && $2 ~ /^linux-image-/ {print $2; exit}' <<<"$depends")
  package=${meant:-$package}
  kernel=$lab/$package
  [[ -d $kernel ]] || unpack_kernel
  version=$(ls "$kernel/lib/modules")
}

unpack_kernel() {
  local work
  work=$(mktemp -d "$lab/unpack.XXXXXX")
  echo "lab: downloading $package" >&2
  if ! (cd "$work" && apt-get download "$package" >apt.log 2>&1); then
    tail -n 3 "$work/apt.log" >&2
    rm -rf "$work"
    fail "apt-get cannot download $package; is there a network?"
  fi
  mkdir "$work/root"
  dpkg-deb -x "$work/$package"_*.deb "$work/root"
  depmod -b "$work/root" "$(ls "$work/root/lib/modules")"
  # Only what is whole gets the name by which it is found.
  mv "$work/root" "$kernel"
  rm -rf "$work"
}

# Made anew each time (it takes less than a second), so it cannot be out of date.
write_initrd() {
  local root=$lab/initrd name path
  rm -rf "$root"
  mkdir -p "$root"/{bin,dev,proc,sys,modules,host,top,new}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for name in sh mount mkdir insmod cat chmod switch_root; do ln -s busybox "$root/bin/$name"; done
  cp scripts/lab.d/guest_init "$root/init"
  chmod 755 "$root/init"
  # Each after those that it needs.
  for name in "${first_modules[@]}"; do
    modprobe -d "$kernel" -S "$version" --show-depends "$name" ||
      fail "$package has no module $name"
  done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$lab/modules"
  while read -r path; do
    cp "$path" "$root/modules/"
    basename "$path" >>"$root/modules/order"
  done <"$lab/modules"
  (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$lab/initrd.gz"
}
