import { shellIn } from './exec.ts'

// What a machine has of a version that it should not have yet: the check that the demo begins with, because an
// upgrade to what was there all along would prove nothing. Where one to the same version was begun before, it has brought
// some itself: the machine's record of its last attempt shows that.
export async function tracesOf(version: string, machine: string): Promise<string[]> {
  const record = '/var/lib/capd-kubeadm-upgrader/attempt.json'
  const begun = await shellIn(machine, `grep -sF '"target":"${version}"' ${record} || true`)
  if (begun !== '') return []
  const names = "\\( -name 'kubeadm*' -o -name 'kubelet*' -o -name 'kubectl*' \\)"
  const programs = `find / /var -xdev -type f -perm -u+x ${names} -exec grep -laF ${version} {} + || true`
  const images = `ctr -n k8s.io images ls -q | grep -F ":${version}" || true`
  const found = await Promise.all([shellIn(machine, programs), shellIn(machine, images)])
  return found.flatMap((lines) => lines.split('\n')).filter(Boolean)
}
