# Writes the files that its standard input describes, one a line: path, digest of all that the file is to be, mode, user,
# group, and SHA-256 and base64 of its content. A last line without its newline is ignored: it may be cut off.
# Arguments: our directory for files, and the places that nothing is written to.
# Prints "refused <path> <why>" and ends at the first file that cannot be written.
set -eu
state=$1
shift
umask 077
# Next to the file, of which there is one at a time.
new=./.capd-kubeadm-upgrader.new
trap 'rm -f "$new"' EXIT

refuse() {
  echo "refused $path $1"
  exit
}

# Runs a command; when that fails the file is refused for the reason $1. A full disk is no reason: it passes.
try() {
  why=$1
  shift
  if error=$("$@" 2>&1); then return; fi
  echo "$error" >&2
  case $error in *'No space left on device'* | *'Disk quota exceeded'*) exit 1 ;; esac
  refuse "$why"
}

# Prints a regular file. One that becomes a pipe meanwhile has no content, where a plain read would wait for a writer.
content_of() {
  dd if="$1" iflag=nonblock status=none
}

sum_of() {
  sha256sum | cut -d ' ' -f 1
}

# True when the file is already as it is to be.
is_so() {
  [ -f "$path" ] && [ "$(content_of "$path" | sum_of)" = "$sum" ] &&
    [ -n "$(find -L "$path" -maxdepth 0 -type f -perm "$mode" -user "$user" -group "$group")" ]
}

# Refuses the file where a path is in a closed place. Arguments: the path, with a slash at its end, and the closed places.
check() {
  at=$1
  shift
  for place do
    case $at in "$place"/*) refuse 'its directory leads to a place that is closed' ;; esac
  done
}

# Goes into the file's directory, which is made where it is missing. Each directory is checked when it has been entered:
# one that is exchanged for a link afterwards changes nothing. Arguments: the closed places.
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

# Writes next to the file and renames, so that half a file is never read, and a link at the path is replaced, not
# followed. Arguments: the closed places.
write() {
  enter "$@"
  name=${path##*/}
  if [ -d "./$name" ]; then refuse 'there is a directory'; fi
  if [ -e "./$name" ] && [ ! -L "./$name" ] && [ ! -f "./$name" ]; then refuse 'it is not a regular file'; fi
  rm -f "$new"
  # All that follows is done to this open file, not to what has its name by then.
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

# Keeps what was there before, for root alone.
keep() {
  if [ -f "./$name" ]; then
    content_of "./$name" >"$state/kept"
    sync "$state/kept"
    mkdir -p "$state/replaced${path%/*}"
    mv -fT "$state/kept" "$state/replaced$path"
  fi
}

# One at a time.
mkdir -p "$state"
exec 9>"$state/lock"
flock 9

while read -r path digest mode user group sum content; do
  if ! is_so 2>/dev/null; then write "$@"; fi
  mkdir -p "$state/applied${path%/*}"
  echo "$digest" | cat >"$state/noted"
  mv -fT "$state/noted" "$state/applied$path"
done
