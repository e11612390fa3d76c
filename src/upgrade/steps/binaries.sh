# Downloads kubeadm, kubelet and kubectl of one release, or takes copies of them, checks them, and renames the directory
# into place.
#
# Arguments: base URL, or the directory of this machine with the copies; version; target directory; then the kubelet
#     flags that this version does not support and that are removed from kubeadm's file before it starts
# Standard input: none
# Output: the log, with a line "failed: <name>" or "refused: <reason>"
# Exit codes: 41 not found, 42 connection broken, 43 stalled, 44 wrong checksum, 45 does not run or is another version,
#     48 no space left, 49 the new kubelet does not accept the flags of the running one
set -eu
source=$1 version=$2 directory=$3
shift 3
case $source in
  /*) staged=$source ;;
  *) staged=$directory.partial ;;
esac

# An earlier run has renamed it into place.
if [ -e "$directory" ]; then exit 0; fi

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac
# The URL for the log, without a password.
shown=$(printf '%s' "$source" | sed 's,//[^/]*@,//,')

# Incomplete downloads would fill up the disk. A copy is renamed before it is removed, so that it is never incomplete.
discard() {
  rm -rf "$staged.old"
  mv -T "$staged" "$staged.old" 2>/dev/null
  rm -rf "$staged" "$staged.old"
}
# If the cleanup fails, the exit code does not change.
trap 'discard || true' EXIT

fail() {
  echo "failed: $2"
  exit "$1"
}

# A download over https is never redirected to http.
case $source in
  https:*) protocols==https ;;
  *) protocols==http,https ;;
esac

# A download has stalled when it is slower than 1 KiB/s for 20 s.
fetch() {
  result=0
  status=$(curl --proto "$protocols" --fail --location --silent --show-error \
    --connect-timeout 10 --speed-limit 1024 --speed-time 20 --write-out '%{http_code}' --output "$staged/$1" "$source/$version/bin/linux/$arch/$1") || result=$?
  case $result:$status in
    0:*) ;;
    22:404 | 22:403 | 22:410) fail 41 "$1" ;;
    23:*) fail 48 "$1" ;;
    28:*) fail 43 "$1" ;;
    *) fail 42 "$1" ;;
  esac
}

# Downloads a program and verifies its checksum.
download() {
  echo "fetching $shown/$version/bin/linux/$arch/$1"
  fetch "$1.sha256"
  fetch "$1"
  echo "$(cat "$staged/$1.sha256")  $staged/$1" | sha256sum --check --status || fail 44 "$1"
  chmod 0755 "$staged/$1"
  rm "$staged/$1.sha256"
}

# Prints the version that a program reports.
version_of() {
  case $1 in
    kubeadm) "$staged/kubeadm" version -o short ;;
    kubelet) "$staged/kubelet" --version | sed 's/^Kubernetes //' ;;
    kubectl) "$staged/kubectl" version --client | sed -n 's/^Client Version: //p' ;;
  esac
}

# Prints the flags of the running kubelet, each terminated by a zero byte, without those that are removed.
running_flags() {
  pid=$(systemctl show kubelet --property=MainPID --value 2>/dev/null) || return 0
  # Before its exec, the main process of the unit is still systemd.
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = kubelet ] || return 0
  going=' '
  for flag in "$@"; do
    going="$going$(grep -os -- "--$flag=[^\" ]*" /var/lib/kubelet/kubeadm-flags.env | head -n 1) "
  done
  tr '\0' '\n' <"/proc/$pid/cmdline" | tail -n +2 | while IFS= read -r flag; do
    case $going in *" $flag "*) ;; *) printf '%s\0' "$flag" ;; esac
  done
}

# Prints the error of the new kubelet about the flags of the running one. It parses all flags before it prints its
# version.
refusal() {
  running_flags "$@" | xargs -0 "$staged/kubelet" --version 2>&1 |
    grep -o 'unknown [a-z ]*flag: [^"]*\|invalid argument [^:]*' | head -n 1 | cut -c 1-200
}

# A download starts from an empty directory. It is emptied and not removed, because a disk may be mounted there.
if [ "$staged" != "$source" ]; then
  mkdir -p "$staged"
  find "$staged" -mindepth 1 -delete
fi
for name in kubeadm kubelet kubectl; do
  [ "$staged" = "$source" ] || download "$name"
  [ "$(version_of "$name")" = "$version" ] || fail 45 "$name"
done
refused=$(refusal "$@") || true
if [ -n "$refused" ]; then
  echo "refused: $refused"
  exit 49
fi
sync "$staged"/*
mv -T "$staged" "$directory"
