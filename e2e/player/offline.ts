import { execa } from 'execa'
import { shellIn } from '../witness/exec.ts'
import { machineOf, type Stage } from './stage.ts'

/**
 * Cuts the machines off from everything but each other, pods included, and then acts. Throws where a machine reaches the
 * server of releases all the same, or does not reach it before.
 */
export async function offline<T>(stage: Stage, act: () => Promise<T>): Promise<T> {
  const machines = [machineOf(stage, 'control-plane'), ...stage.lab.workers]
  const { subnet, url } = { subnet: await subnetOf(stage.lab.network), url: releasesOf(stage) }
  const beyond = [`! -d ${subnet}`, `-d ${stage.lab.gateway}`]
  const cut = beyond.flatMap((to) => [`OUTPUT -o eth0 ${to} -j DROP`, `FORWARD -o eth0 ${to} -j DROP`])
  // The engine answers for the names of other machines: what kind's machines ask the gateway for is sent there. The last
  // rule comes to stand first.
  const rules = [...cut, 'OUTPUT -o eth0 -d 127.0.0.0/8 -j ACCEPT']
  try {
    for (const machine of machines) {
      if (!(await reaches(machine, url))) throw new Error(`${machine} does not reach ${url} before it is cut off`)
      await shellIn(machine, rules.map((rule) => `iptables -I ${rule}`).join(' && '))
      if (await reaches(machine, url)) throw new Error(`${machine} is cut off and reaches ${url}`)
    }
    return await act()
  } finally {
    for (const machine of machines) {
      await shellIn(machine, rules.map((rule) => `iptables -D ${rule} 2>/dev/null`).join('; ')).catch(() => {})
    }
  }
}

function releasesOf({ lab, releases }: Stage): string {
  if (releases) return releases.url
  if ('url' in lab.releases) return lab.releases.url
  throw new Error('there is no server of releases')
}

function reaches(machine: string, url: string): Promise<boolean> {
  const looked = shellIn(machine, `curl --silent --max-time 5 --output /dev/null '${url}'`)
  return looked.then(
    () => true,
    () => false,
  )
}

async function subnetOf(network: string): Promise<string> {
  const format = '--format={{range .IPAM.Config}}{{.Subnet}}{{"\\n"}}{{end}}'
  const { stdout } = await execa('docker', ['network', 'inspect', format, network])
  const found = stdout.split('\n').find((subnet) => subnet.includes('.'))
  if (found === undefined) throw new Error(`the network ${network} has no IPv4 subnet`)
  return found
}
