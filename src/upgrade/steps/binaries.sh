# Fetches kubeadm, kubelet and kubectl of one release, checks them and renames the directory into place.
# Arguments: base URL, or the directory of this machine that they were copied to; version, directory, then the kubelet
# flags that this version does not know and that are taken out of kubeadm's file before it starts. Exit codes: 41 not
# there, 42 cut off, 43 stalled, 44 wrong checksum, 45 does not run or is another version, 48 no space left, 49 the new
# kubelet does not take the flags of the one that runs.
set -eu
source=$1 version=$2 directory=$3
shift 3
case $source in
  /*) staged=$source ;;
  *) staged=$directory.partial ;;
esac

# Renamed into place by an earlier run.
if [ -e "$directory" ]; then exit 0; fi

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac
# The log shows no password.
shown=$(printf '%s' "$source" | sed 's,//[^/]*@,//,')

# What was fetched in part would keep a full disk full. Renamed first, so that no copy is ever there in part.
discard() {
  rm -rf "$staged.old"
  mv -T "$staged" "$staged.old" 2>/dev/null
  rm -rf "$staged" "$staged.old"
}
# Where that fails, the exit code stays the one of before.
trap 'discard || true' EXIT

fail() {
  echo "failed: $2"
  exit "$1"
}

# What begins with https stays with it.
case $source in
  https:*) protocols==https ;;
  *) protocols==http,https ;;
esac

# A stall is under 1 KiB/s for 20 s.
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

# A program and its checksum, which it must have.
download() {
  echo "fetching $shown/$version/bin/linux/$arch/$1"
  fetch "$1.sha256"
  fetch "$1"
  echo "$(cat "$staged/$1.sha256")  $staged/$1" | sha256sum --check --status || fail 44 "$1"
  chmod 0755 "$staged/$1"
  rm "$staged/$1.sha256"
}

# What the program says its version is.
version_of() {
  case $1 in
    kubeadm) "$staged/kubeadm" version -o short ;;
    kubelet) "$staged/kubelet" --version | sed 's/^Kubernetes //' ;;
    kubectl) "$staged/kubectl" version --client | sed -n 's/^Client Version: //p' ;;
  esac
}

# The flags of the kubelet that runs, wherever they stand, each with a zero at its end; without those that will go.
running_flags() {
  pid=$(systemctl show kubelet --property=MainPID --value 2>/dev/null) || return 0
  # Until it runs the kubelet, the process is systemd's own.
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = kubelet ] || return 0
  going=' '
  for flag in "$@"; do
    going="$going$(grep -os -- "--$flag=[^\" ]*" /var/lib/kubelet/kubeadm-flags.env | head -n 1) "
  done
  tr '\0' '\n' <"/proc/$pid/cmdline" | tail -n +2 | while IFS= read -r flag; do
    case $going in *" $flag "*) ;; *) printf '%s\0' "$flag" ;; esac
  done
}

# What the new kubelet has against the flags of the one that runs. It reads all of them before it prints its version.
refusal() {
  running_flags "$@" | xargs -0 "$staged/kubelet" --version 2>&1 |
    grep -o 'unknown [a-z ]*flag: [^"]*\|invalid argument [^:]*' | head -n 1 | cut -c 1-200
}

# What is downloaded begins with nothing. Emptied, not removed: a disk of its own may be mounted there.
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
