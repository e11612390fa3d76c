# Writes files.
#
# Arguments: the directory for our notes, then the paths at and below which nothing is written
# Standard input: one file per line: path, digest of its desired state, mode, user, group, SHA-256 of its content, and
#     base64 of its content. A last line without a newline is ignored, because it may be cut off.
# Output: "refused <path> <reason>" for the first file that cannot be written, which ends the script
# Exit code: 0, or another one after a failure
set -eu
state=$1
shift
umask 077
# A temporary file next to the target. Only one exists at a time.
new=./.capd-kubeadm-upgrader.new
trap 'rm -f "$new"' EXIT

refuse() {
  echo "refused $path $1"
  exit
}

# Runs a command. When it fails, the file is refused for the reason $1, except on a full disk, which is retried.
try() {
  why=$1
  shift
  if error=$("$@" 2>&1); then return; fi
  echo "$error" >&2
  case $error in *'No space left on device'* | *'Disk quota exceeded'*) exit 1 ;; esac
  refuse "$why"
}

# Prints a regular file. If it was replaced by a pipe, it prints nothing instead of waiting for a writer.
content_of() {
  dd if="$1" iflag=nonblock status=none
}

sum_of() {
  sha256sum | cut -d ' ' -f 1
}

# True when the file is already in its desired state.
is_so() {
  [ -f "$path" ] && [ "$(content_of "$path" | sum_of)" = "$sum" ] &&
    [ -n "$(find -L "$path" -maxdepth 0 -type f -perm "$mode" -user "$user" -group "$group")" ]
}

# Refuses the file when a path is closed. Arguments: the path with a trailing slash, then the closed paths.
check() {
  at=$1
  shift
  for place do
    case $at in "$place"/*) refuse 'its directory leads to a place that is closed' ;; esac
  done
}

# Changes into the directory of the file and creates missing directories. Each directory is checked after it was
# entered, so that replacing it by a link has no effect. Arguments: the closed paths.
enter() {
  cd /
  rest=${path#/}
  while [ "$rest" != "${rest#*/}" ]; do
    next=${rest%%/*}
    rest=${rest#*/}
    if [ ! -d "./$next" ]; then try 'its directory cannot be made' mkdir -m 755 "./$next"; fi
    cd -P "./$next" || refuse 'its directory cannot be made'
    check "$(pwd -P)/" "$@"
  done
  here=$(pwd -P)
  check "${here%/}/$rest/" "$@"
}

# Writes next to the file and renames, so that no reader gets half a file, and a link at the path is replaced and not
# followed.
# Arguments: the closed paths.
write() {
  enter "$@"
  name=${path##*/}
  if [ -d "./$name" ]; then refuse 'there is a directory'; fi
  if [ -e "./$name" ] && [ ! -L "./$name" ] && [ ! -f "./$name" ]; then refuse 'it is not a regular file'; fi
  rm -f "$new"
  # All further commands use this open file, because its name may be taken by another file.
  set -C
  exec 8>"$new"
  set +C
  printf %s "$content" | base64 -d >&8
  [ "$(sum_of </dev/fd/8)" = "$sum" ]
  try 'the machine has no such user or group' chown "$user:$group" /dev/fd/8
  chmod "$mode" /dev/fd/8
  sync /dev/fd/8
  exec 8>&-
  keep
  try 'something is mounted there' mv -fT "$new" "./$name"
  if [ ! "$path" -ef "./$name" ]; then refuse 'its directory changes while it is written'; fi
}

# Keeps the previous file, readable only for root.
keep() {
  if [ -f "./$name" ]; then
    content_of "./$name" >"$state/kept"
    sync "$state/kept"
    mkdir -p "$state/replaced${path%/*}"
    mv -fT "$state/kept" "$state/replaced$path"
  fi
}

# Only one script runs at a time.
mkdir -p "$state"
exec 9>"$state/lock"
flock 9

while read -r path digest mode user group sum content; do
  if ! is_so 2>/dev/null; then write "$@"; fi
  mkdir -p "$state/applied${path%/*}"
  echo "$digest" | cat >"$state/noted"
  mv -fT "$state/noted" "$state/applied$path"
done
