import { chmodSync } from 'node:fs'
import type { Root } from './rooted.ts'

// Stands for the kubectl commands that kubeadm.sh runs, on a kubeconfig of one cluster, whose kubeadm-config stands in
// /var/cluster-configuration. Like kubectl, it writes into the
// file that it edits.
const script = `#!/bin/sh
if [ "$1" = get ]; then command -p cat /var/cluster-configuration 2>/dev/null; exit; fi
for argument; do
  case $argument in
    --kubeconfig=*) file=\${argument#*=} ;;
    --server=*) server=\${argument#*=} ;;
  esac
done
command -p grep -q '^    server: ' "$file" || { echo "error: current-context must exist in order to minify" >&2; exit 1; }
case $2 in
  view) command -p sed -n 's/^  name: //p; s/^    server: //p' "$file" | sort -r ;;
  set-cluster)
    edited=$(command -p sed "s#^    server: .*#    server: $server#" "$file")
    echo "$edited" | cat >"$file" ;;
esac
`

/** Puts a kubectl that edits kubeconfigs at a path of the machine. Its calls are not noted. */
export function addKubectl(root: Root, path: string): void {
  root.write(path, script.replace('/var/cluster-configuration', root.path('/var/cluster-configuration')))
  chmodSync(root.path(path), 0o755)
}

/** A kubeconfig that names one cluster, at this API server. */
export function kubeconfig(server: string): string {
  return `clusters:\n- cluster:\n    server: https://${server}:6443\n  name: lab\nusers: []\n`
}
