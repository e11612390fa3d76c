import { shellIn } from './machine.ts'

// What a machine has of a version that it should not have yet: the check that the demo begins with, because an
// upgrade to what was there all along would prove nothing. Where one to the same version was begun before, it has brought
// some itself.
export async function tracesOf(version: string, machine: string): Promise<string[]> {
  const history = '/var/lib/capd-kubeadm-upgrader/history.jsonl'
  const begun = await shellIn(machine, `grep -s '"target":"${version}"' ${history} || true`)
  if (begun !== '') return []
  const names = "\\( -name 'kubeadm*' -o -name 'kubelet*' -o -name 'kubectl*' \\)"
  const programs = `find / /var -xdev -type f -perm -u+x ${names} -exec grep -laF ${version} {} + || true`
  const images = `ctr -n k8s.io images ls -q | grep -F ":${version}" || true`
  const found = await Promise.all([shellIn(machine, programs), shellIn(machine, images)])
  return found.flatMap((lines) => lines.split('\n')).filter(Boolean)
}
