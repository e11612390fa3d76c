# Writes the files that its standard input describes, one a line: path, digest of all that the file is to be, mode, user,
# group, and SHA-256 and base64 of its content. A last line without its newline is ignored: it may be cut off.
# Arguments: our directory for files, and the places that nothing is written to.
# Prints "refused <path> <why>" and ends at the first file that cannot be written.
state=$1
shift
umask 077
set -e
new=
trap 'rm -f "$new"' EXIT

refuse() {
  echo "refused $path $1"
  exit
}

# True when the file is already as it is to be.
is_so() {
  [ "$(sha256sum <"$path" | cut -d ' ' -f 1)" = "$sum" ] &&
    [ -n "$(find -L "$path" -maxdepth 0 -type f -perm "$mode" -user "$user" -group "$group")" ]
}

# Writes next to where the file really goes and renames, so that half a file is never read, and a link at the path is
# replaced, not followed. Arguments: the closed places.
write() {
  [ -d "$path" ] && refuse 'there is a directory'
  parent=$(realpath -m "${path%/*}/")
  for place do
    case ${parent%/}/${path##*/}/ in "$place"/*) refuse 'its directory leads to a place that is closed' ;; esac
  done
  (umask 022 && mkdir -p "$parent") || refuse 'its directory cannot be made'
  new=${parent%/}/.${path##*/}.capd-kubeadm-upgrader
  rm -f "$new"
  printf %s "$content" | base64 -d >"$new"
  [ "$(sha256sum <"$new" | cut -d ' ' -f 1)" = "$sum" ]
  chown "$user:$group" "$new" || refuse 'the machine has no such user or group'
  chmod "$mode" "$new"
  sync "$new"
  if [ -f "$path" ]; then
    mkdir -p "$state/replaced${path%/*}"
    cat "$path" >"$state/replaced$path"
  fi
  mv -fT "$new" "${parent%/}/${path##*/}" || refuse 'something is mounted there'
}

# One at a time, whoever asks.
mkdir -p "$state"
exec 9>"$state/lock"
flock 9

while read -r path digest mode user group sum content; do
  is_so 2>/dev/null || write "$@"
  mkdir -p "$state/applied${path%/*}"
  echo "$digest" >"$state/noted"
  mv -fT "$state/noted" "$state/applied$path"
done
