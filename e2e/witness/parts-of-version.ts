import { shellIn } from './exec.ts'

/**
 * Lists the programs and images of a version that a machine has: paths and image names. An upgrade to a version that was
 * there from the start would prove nothing, so the demo checks this first. Returns nothing when the machine's attempt
 * record names the version: then an earlier attempt put the parts there.
 */
export async function partsOfVersion(version: string, machine: string): Promise<string[]> {
  const record = '/var/lib/capd-kubeadm-upgrader/attempt.json'
  const attempt = await shellIn(machine, `grep -sF '"target":"${version}"' ${record} || true`)
  if (attempt !== '') return []
  const programs = programsOf(version)
  const images = `ctr -n k8s.io images ls -q | grep -F ":${version}" || true`
  const found = await Promise.all([shellIn(machine, programs), shellIn(machine, images)])
  return found.flatMap((lines) => lines.split('\n')).filter(Boolean)
}

// A shell command that lists the programs of a version by the output of their --version: a program may contain the text of
// another version (those of v1.36.4 contain v1.37.0 in a package's path). A program that does not run is searched for the text.
function programsOf(version: string): string {
  const names = "\\( -name 'kubeadm*' -o -name 'kubelet*' -o -name 'kubectl*' \\)"
  const list = `find / /var -xdev -type f -perm -u+x ${names}`
  return `${list} | while read -r program; do
    case \${program##*/} in
      kubeadm*) printed=$("$program" version -o short 2>/dev/null) || printed= ;;
      kubelet*) printed=$("$program" --version 2>/dev/null) || printed= ;;
      *) printed=$("$program" version --client 2>/dev/null) || printed= ;;
    esac
    case $printed in
      *v[0-9]*) echo "$printed" | grep -qw '${version.replaceAll('.', '[.]')}' && echo "$program" ;;
      *) grep -laF ${version} "$program" ;;
    esac
  done || true`
}
