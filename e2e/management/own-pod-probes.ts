import { execa } from 'execa'
import type { Answers } from '../../scripts/docs/performance/results.ts'
import { gapsOf } from '../witness/gaps.ts'

/**
 * Probes the owner's kube-vip on the network of each control plane machine, five times a second, until the function that it
 * returns is called; that gives the gaps, in seconds of the clock `elapsed`.
 */
export async function probeOwnPods(
  containers: readonly string[],
  elapsed: () => number,
): Promise<() => Promise<Answers[]>> {
  const addresses = await Promise.all(containers.map(addressOf))
  const stopping = new AbortController()
  const probes = addresses.map((address, i) => {
    const probe = () => answers(`http://${address}:8080/`)
    return gapsOf({ what: `kube-vip of ${containers[i]}`, everySeconds: 0.2, probe }, stopping.signal, elapsed)
  })
  return async () => {
    stopping.abort()
    return Promise.all(probes)
  }
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined)
  await answer?.body?.cancel()
  return answer !== undefined
}

async function addressOf(container: string): Promise<string> {
  const format = '--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  return (await execa('docker', ['inspect', format, container])).stdout
}
