import { shellIn } from './exec.ts'

// What a machine has of a version that it should not have yet: the check that the demo begins with, because an
// upgrade to what was there all along would prove nothing. Where one to the same version was begun before, it has brought
// some itself: the machine's record of its last attempt shows that.
export async function tracesOf(version: string, machine: string): Promise<string[]> {
  const record = '/var/lib/capd-kubeadm-upgrader/attempt.json'
  const begun = await shellIn(machine, `grep -sF '"target":"${version}"' ${record} || true`)
  if (begun !== '') return []
  const programs = programsOf(version)
  const images = `ctr -n k8s.io images ls -q | grep -F ":${version}" || true`
  const found = await Promise.all([shellIn(machine, programs), shellIn(machine, images)])
  return found.flatMap((lines) => lines.split('\n')).filter(Boolean)
}

// Lists the programs of that version, by what they print themselves: the text of a version may stand in the program of
// another (v1.37.0 stands in those of v1.36.4, as part of a package's path). One that does not run is searched.
function programsOf(version: string): string {
  const names = "\\( -name 'kubeadm*' -o -name 'kubelet*' -o -name 'kubectl*' \\)"
  const list = `find / /var -xdev -type f -perm -u+x ${names}`
  return `${list} | while read -r program; do
    case \${program##*/} in
      kubeadm*) said=$("$program" version -o short 2>/dev/null) || said= ;;
      kubelet*) said=$("$program" --version 2>/dev/null) || said= ;;
      *) said=$("$program" version --client 2>/dev/null) || said= ;;
    esac
    case $said in
      *v[0-9]*) echo "$said" | grep -qw '${version.replaceAll('.', '[.]')}' && echo "$program" ;;
      *) grep -laF ${version} "$program" ;;
    esac
  done || true`
}
