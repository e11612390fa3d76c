# Fetches kubeadm, kubelet and kubectl of one release, checks them and renames the directory into place.
# Arguments: base URL, version, directory, then the kubelet flags that this version does not know and that are taken out
# of kubeadm's file before it starts. Exit codes: 41 not there, 42 cut off, 43 stalled, 44 wrong checksum,
# 45 does not run or is another version, 48 no space left, 49 the new kubelet does not take the flags of the one that runs.
set -eu
url=$1 version=$2 directory=$3
shift 3
partial=$directory.partial

# Renamed into place by an earlier run.
if [ -e "$directory" ]; then exit 0; fi

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac
# The log shows no password.
shown=$(printf '%s' "$url" | sed 's,//[^/]*@,//,')

# What was fetched in part would keep a full disk full. Where that fails, the exit code stays the one of before.
trap 'rm -rf "$partial" || true' EXIT

fail() {
  echo "failed: $2"
  exit "$1"
}

# What begins with https stays with it.
case $url in
  https:*) protocols==https ;;
  *) protocols==http,https ;;
esac

# A stall is under 1 KiB/s for 20 s.
fetch() {
  result=0
  status=$(curl --proto "$protocols" --fail --location --silent --show-error \
    --connect-timeout 10 --speed-limit 1024 --speed-time 20 --write-out '%{http_code}' --output "$partial/$1" "$url/$version/bin/linux/$arch/$1") || result=$?
  case $result:$status in
    0:*) ;;
    22:404 | 22:403 | 22:410) fail 41 "$1" ;;
    23:*) fail 48 "$1" ;;
    28:*) fail 43 "$1" ;;
    *) fail 42 "$1" ;;
  esac
}

# What the program says its version is.
version_of() {
  case $1 in
    kubeadm) "$partial/kubeadm" version -o short ;;
    kubelet) "$partial/kubelet" --version | sed 's/^Kubernetes //' ;;
    kubectl) "$partial/kubectl" version --client | sed -n 's/^Client Version: //p' ;;
  esac
}

# The flags of the kubelet that runs, wherever they stand, each with a zero at its end; without those that will go.
running_flags() {
  pid=$(systemctl show kubelet --property=MainPID --value 2>/dev/null) || return 0
  case $pid in '' | 0) return 0 ;; esac
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
  running_flags "$@" | xargs -0 "$partial/kubelet" --version 2>&1 |
    grep -o 'unknown [a-z ]*flag: [^"]*\|invalid argument [^:]*' | head -n 1 | cut -c 1-200
}

# Emptied, not removed: a disk of its own may be mounted there.
mkdir -p "$partial"
find "$partial" -mindepth 1 -delete
for name in kubeadm kubelet kubectl; do
  echo "fetching $shown/$version/bin/linux/$arch/$name"
  fetch "$name.sha256"
  fetch "$name"
  echo "$(cat "$partial/$name.sha256")  $partial/$name" | sha256sum --check --status || fail 44 "$name"
  chmod 0755 "$partial/$name"
  [ "$(version_of "$name")" = "$version" ] || fail 45 "$name"
  rm "$partial/$name.sha256"
done
refused=$(refusal "$@") || true
if [ -n "$refused" ]; then
  echo "refused: $refused"
  exit 49
fi
sync "$partial"/*
mv -T "$partial" "$directory"
