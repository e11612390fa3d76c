#!/bin/sh
# Writes a tar of the few programs that kube-proxy calls, with the libraries they load, from the machine image.
set -eu

programs='iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore nft conntrack modprobe'

# A path, each symbolic link on the way, and the file at the end.
chain() {
  path=$1
  echo "$path"
  while [ -L "$path" ]; do
    target=$(readlink "$path")
    case $target in
      /*) path=$target ;;
      *) path=$(dirname "$path")/$target ;;
    esac
    echo "$path"
  done
}

{
  for program in $programs; do
    chain "/usr/sbin/$program"
    ldd "/usr/sbin/$program" | grep -o '/[^ ]*' | while read -r library; do chain "$library"; done
  done
  # Modules that iptables loads when a rule needs them, such as `statistic` for a Service with two endpoints.
  find /usr/lib/*/xtables ! -type d | while read -r module; do
    echo "$module"
    ldd "$module" | grep -o '/[^ ]*' | while read -r library; do chain "$library"; done
  done
  # /lib and its like are links into /usr, through which programs look for their loader.
  for path in /bin /sbin /lib /lib64 /etc/protocols /etc/services /etc/passwd; do
    if [ -e "$path" ]; then echo "$path"; fi
  done
} | while read -r path; do
  folder=$(readlink -f "$(dirname "$path")") # each file once, under its one true path
  echo "${folder#/}/$(basename "$path")"
done | sed 's,^/,,' | sort -u |
  tar -C / --no-recursion --hard-dereference --numeric-owner --mtime=@0 -cf - -T -
