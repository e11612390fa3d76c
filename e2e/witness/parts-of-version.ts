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
  const names = "\\( -name 'kubeadm*' -o -name 'kubelet*' -o -name 'kubectl*' \\)"
  const programs = `find / /var -xdev -type f -perm -u+x ${names} -exec grep -laF ${version} {} + || true`
  const images = `ctr -n k8s.io images ls -q | grep -F ":${version}" || true`
  const found = await Promise.all([shellIn(machine, programs), shellIn(machine, images)])
  return found.flatMap((lines) => lines.split('\n')).filter(Boolean)
}
