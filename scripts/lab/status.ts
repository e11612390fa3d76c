import { cache, isKept } from './cache.ts'
import { kubeconfig } from './cluster.ts'
import { imageInputs, tryDocker } from './docker.ts'
import { engineVersion } from './engine.ts'
import { machines } from './machines.ts'
import { cluster, nodeImage } from './names.ts'
import { attempt } from './run.ts'
import { from, to } from './versions.ts'

// Prints what is there and changes nothing; true when machines are there and run.
export async function labStatus(): Promise<boolean> {
  const version = await engineVersion()
  row('engine', version ? `Docker ${version}` : 'none answers')
  row('cache', isKept(cache) ? `${cache}, ${await size()}` : 'empty')
  if (!version) return false
  for (const name of [nodeImage(from), nodeImage(to)]) row(name, await describe(name))
  const found = await machines()
  row('cluster', found.length ? cluster : `no ${cluster}`)
  for (const { name, state } of found) {
    const kubelet = await tryDocker(`exec ${name} kubelet --version`)
    row(name, [state, ...(kubelet ? [kubelet] : [])].join(', '))
  }
  if (found.length) row('kubeconfig', kubeconfig)
  return found.length > 0 && found.every(({ state }) => state === 'running')
}

async function describe(image: string) {
  const inputs = await imageInputs(image)
  return inputs === undefined ? 'missing' : inputs ? `built from ${inputs}` : 'not built here'
}

async function size() {
  return (await attempt('du', ['-sh', cache]))?.split('\t')[0] ?? 'of unknown size'
}

function row(name: string, value: string) {
  console.log(`${name.padEnd(30)}  ${value}`)
}
